"""An upstream Renku: launchers live there, and it builds their environments."""
