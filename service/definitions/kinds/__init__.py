"""The kinds of definitions: one file each, listed in `service.definitions.registry`."""
