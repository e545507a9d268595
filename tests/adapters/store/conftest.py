"""The same databases as in the contract suites."""

from tests.contracts.conftest import databases

__all__ = ["databases"]
