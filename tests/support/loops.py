"""Both event loops that the service runs on."""

import asyncio
from typing import Final

import pytest
import uvloop

__all__ = ["EITHER_LOOP"]

EITHER_LOOP: Final = pytest.mark.parametrize(
    "loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"]
)
"""Gives a test that is no coroutine what `asyncio.Runner` makes its loop by."""
