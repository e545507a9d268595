"""Explain what package indexes answered."""
