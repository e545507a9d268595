"""Projects, members, users and API tokens in the database."""
