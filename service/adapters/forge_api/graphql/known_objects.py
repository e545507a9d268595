"""Put objects that came with a head into the cache, once they are proven.

Whoever answers for several objects at once may truncate, recode or omit some of them.
An object is kept only under the id that its content has, so nothing else is ever read.
"""

from collections.abc import Iterable

from service.adapters.forge_api.api_tree import Kept, large_key, root_key
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.errors import UnprovenAnswerError
from service.adapters.forge_api.listings import ListedObject, verify_listing
from service.adapters.git.object_ids import blob_id
from service.domain.repository import BlobId, CommitSha

__all__ = ["KnownObjects"]


class KnownObjects:
    """The cached objects of one repository.

    Args:
        kept: The cache, shared by all repositories.
        owner: The repository, as part of every key.
    """

    def __init__(self, *, kept: ImmutableCache[Kept], owner: tuple[str, int]) -> None:
        self._kept = kept
        self._owner = owner

    def keep_root(self, commit: CommitSha, root: BlobId) -> None:
        """Keep which directory is the root of a commit, as the forge reports it."""
        self._kept.keep(root_key(self._owner, commit), root.encode("ascii"))

    def keep_large(self, oid: BlobId) -> None:
        """Keep that a directory holds over `LARGE` others, as the forge reports it."""
        self._kept.keep(large_key(self._owner, oid), b"")

    def keep_listing(self, oid: BlobId, rows: Iterable[ListedObject]) -> bool:
        """Keep a directory if it has that id; return whether it has."""
        try:
            listing = verify_listing(rows, oid=oid)
        except UnprovenAnswerError:
            return False
        self._kept.keep((self._owner, oid), listing)
        return True

    def keep_file(self, oid: BlobId, text: str) -> None:
        """Keep a file if its text, as UTF-8, has that id."""
        try:
            content = text.encode("utf-8")
        except UnicodeEncodeError:
            return
        # The proof: a text that was cut, or of which bytes were replaced, has another
        # id and is read again by REST.
        if blob_id(content, like=oid) == oid:
            self._kept.keep((self._owner, oid), content)
