"""Evaluations: when a source is due, the comparison, and the rebuilds that follow."""
