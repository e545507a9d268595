"""How launchers are updated: pinned, rolled back, paused."""
