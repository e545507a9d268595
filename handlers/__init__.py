"""The HTTP side: webhooks, REST API, health."""
