"""Commands for launchers and their sessions."""
