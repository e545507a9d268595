"""Definitions read with their field's parsers: closure, meaning, findings. Pure."""
