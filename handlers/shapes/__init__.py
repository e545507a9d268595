"""What callers send and what they are told: frozen models, and OpenAPI's source."""
