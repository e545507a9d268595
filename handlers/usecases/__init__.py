"""What the REST API does for its callers."""
