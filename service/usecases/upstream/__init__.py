"""Launchers that live in an upstream Renku."""
