"""What relaunch doctor checks, by the settings."""
