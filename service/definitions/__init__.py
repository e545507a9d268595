"""Parsing of environment definitions: closure, meaning and findings. No I/O."""
