"""What belongs to projects, over the REST API."""
