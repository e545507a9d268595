"""How launchers are updated: pins, pauses, what changed, and what that saved."""
