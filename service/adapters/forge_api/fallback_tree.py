"""Read a commit's tree one way, and another way once the first fails."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from service.domain.definition import Entry
from service.domain.repository import BlobId
from service.errors import ServiceError
from service.ports.remote import Tree

__all__ = ["FallbackTree"]

T = TypeVar("T")


class FallbackTree:
    """Implement the port `Tree` with two trees of the same commit.

    Object ids are the same in both, so an evaluation can change over in the middle.

    Args:
        first: The tree to read until it fails.
        fall_back: Opens the tree to read from then on; its argument is the failure.
        failures: The errors that are no result, but a reason to change over.
    """

    def __init__(
        self,
        first: Tree,
        *,
        fall_back: Callable[[ServiceError], Awaitable[Tree]],
        failures: tuple[type[ServiceError], ...],
    ) -> None:
        self._failures = failures
        self._tree = first
        self._fall_back: Callable[[ServiceError], Awaitable[Tree]] | None = fall_back
        self._turn = asyncio.Lock()

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        wanted = frozenset(paths)
        return await self._ask(lambda tree: tree.entries(wanted))

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        return await self._ask(lambda tree: tree.listing(path, limit=limit))

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        return await self._ask(lambda tree: tree.read(oid, limit=limit))

    async def _ask(self, question: Callable[[Tree], Awaitable[T]]) -> T:
        tree = self._tree
        try:
            return await question(tree)
        except self._failures as exc:
            async with self._turn:
                # Of concurrent readers that failed, only the first opens the other
                # tree: that is a fetch by git into a temporary folder.
                # Another reader may have changed over while this one waited; its tree
                # is used then.
                if self._tree is tree:
                    if self._fall_back is None:
                        raise
                    self._tree = await self._fall_back(exc)
                    self._fall_back = None
        return await question(self._tree)
