"""Documents about the service itself, written when somebody first asks for them."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

__all__ = ["LazyJson"]


class LazyJson:
    """A JSON document that stays as it is once it is written.

    Writing one takes a tenth of a second, and few ask: a start does not wait for it.
    Not in a thread: shapes are made ready when they are first used, and two threads
    would get into each other's way.

    Args:
        write: Makes the document; called once.
    """

    def __init__(self, write: Callable[[], Mapping[str, Any]]) -> None:
        self._write = write

    @cached_property
    def text(self) -> str:
        """The document."""
        return json.dumps(self._write(), ensure_ascii=False)
