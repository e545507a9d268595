"""Statements on many rows at once, and what the schedule reads of them."""
