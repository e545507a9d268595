"""Evaluations: from a push to a recorded verdict."""
