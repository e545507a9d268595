"""How launchers are updated: what is asked, and what is reported."""
