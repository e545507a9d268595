"""Explain why something happened: the trace, its report, its sentences."""
