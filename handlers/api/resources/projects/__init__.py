"""What belongs to projects and users: tokens, grants, notification channels."""
