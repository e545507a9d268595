"""One commit's tree, out of an API for as long as that answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from service.adapters.forge_api.failing import TokenRefusedError
from service.domain.definition import Entry
from service.domain.repository import BlobId
from service.errors import ServiceError, TransientError
from service.ports.remote import Tree

__all__ = ["EitherTree"]

T = TypeVar("T")


class EitherTree:
    """Implements the port `Tree`; both trees are of one commit, and ids are ids.

    Args:
        first: Asked for as long as it answers.
        fall_back: Opens what is asked from then on, told why.
    """

    def __init__(
        self, first: Tree, *, fall_back: Callable[[ServiceError], Awaitable[Tree]]
    ) -> None:
        self._tree = first
        self._fall_back: Callable[[ServiceError], Awaitable[Tree]] | None = fall_back
        self._turn = asyncio.Lock()

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        asked = frozenset(paths)
        return await self._ask(lambda tree: tree.entries(asked))

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        return await self._ask(lambda tree: tree.listing(path, limit=limit))

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        return await self._ask(lambda tree: tree.read(oid, limit=limit))

    async def _ask(self, question: Callable[[Tree], Awaitable[T]]) -> T:
        tree = self._tree
        try:
            return await question(tree)
        except (TransientError, TokenRefusedError) as exc:
            async with self._turn:
                # Somebody else may have been told before us.
                if self._tree is tree:
                    if self._fall_back is None:
                        raise
                    self._tree = await self._fall_back(exc)
                    self._fall_back = None
        return await question(self._tree)
