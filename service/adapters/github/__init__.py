"""GitHub and GitHub Enterprise, over their REST API."""
