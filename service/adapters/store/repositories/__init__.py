"""One file for each aggregate of the store."""
