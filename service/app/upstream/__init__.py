"""Putting together what speaks to an upstream Renku."""
