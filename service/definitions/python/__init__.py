"""The Python version that a definition requests, and the available interpreters."""
