"""What is remembered of a forge's answers, within bounds."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from typing import Any, Final, Generic, TypeVar

__all__ = ["Etags", "Immutables"]

V = TypeVar("V")

PER_ENTRY: Final = 256
"""Bytes that an entry costs beside its content."""


class Immutables(Generic[V]):
    """Things that never change under their key, such as what has a git id.

    The least recently used go first. One mutable thing must not be put here.

    Args:
        most: How many bytes may be held.
        size: Says how many bytes a thing takes.
    """

    def __init__(self, *, most: int, size: Callable[[V], int]) -> None:
        self._most = most
        self._size = size
        self._held = 0
        self._things: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        """Return the thing; None when it is not here."""
        thing = self._things.get(key)
        if thing is not None:
            self._things.move_to_end(key)
        return thing

    def keep(self, key: Hashable, thing: V) -> None:
        """Hold a thing, unless it alone would take a large part of the room."""
        if key in self._things or self._cost(thing) > self._most // 8:
            return
        self._things[key] = thing
        self._held += self._cost(thing)
        while self._held > self._most:
            _, gone = self._things.popitem(last=False)
            self._held -= self._cost(gone)

    def _cost(self, thing: V) -> int:
        return self._size(thing) + PER_ENTRY

    def __len__(self) -> int:
        return len(self._things)


class Etags(MutableMapping[str, Any]):
    """The latest answers with their validators, for conditional requests.

    https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests

    Args:
        most: How many answers are held; the least recently used go first.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[str, Any] = OrderedDict()

    def __getitem__(self, url: str) -> Any:  # noqa: ANN401 - whatever the library keeps
        answer = self._answers[url]
        self._answers.move_to_end(url)
        return answer

    def __setitem__(self, url: str, answer: Any) -> None:  # noqa: ANN401 - as above
        self._answers[url] = answer
        self._answers.move_to_end(url)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def __delitem__(self, url: str) -> None:
        del self._answers[url]

    def __iter__(self) -> Iterator[str]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)
