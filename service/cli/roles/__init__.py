"""Commands that start a process of the service."""
