"""Requests and responses: frozen models, and the source of OpenAPI."""
