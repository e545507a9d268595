"""Documents about the service itself, written when somebody first asks for them."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Paper"]


class Paper:
    """A JSON document that stays as it is once it is written.

    Writing one takes a tenth of a second, and few ask: a start does not wait for it,
    nor do other requests.

    Args:
        write: Makes the document; called once, in a thread.
    """

    def __init__(self, write: Callable[[], Mapping[str, Any]]) -> None:
        self._write = write
        self._text: str | None = None
        self._turn = asyncio.Lock()

    async def text(self) -> str:
        """Return the document."""
        async with self._turn:
            if self._text is None:
                self._text = await asyncio.to_thread(self._written)
        return self._text

    def _written(self) -> str:
        return json.dumps(self._write(), ensure_ascii=False)
