"""The public events: CloudEvents models and their contract."""
