"""The service: domain, events, ports, use cases, adapters, settings, command line."""
