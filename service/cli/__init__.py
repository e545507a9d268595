"""The command line: one file per noun."""

from service.cli.commands import main

__all__ = ["main"]
