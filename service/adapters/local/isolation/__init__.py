"""Isolation of build commands: namespaces and limits."""
