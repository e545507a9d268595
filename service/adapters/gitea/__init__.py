"""Gitea and Forgejo, by the REST API that both have."""

__all__: list[str] = []
