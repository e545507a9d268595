"""What users configure: launchers, and the environments that many of them take."""
