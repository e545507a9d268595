"""The id of a directory that GitLab lists without it."""

from collections.abc import Sequence
from typing import Final

from service.adapters.forge_api.errors import UnprovenAnswerError
from service.adapters.forge_api.listings import ListedObject
from service.adapters.git.object_ids import tree_id
from service.domain.definition import Entry
from service.domain.repository import BlobId

__all__ = ["compute_directory_id"]

_SUBSTITUTE: Final = "\N{REPLACEMENT CHARACTER}"


def compute_directory_id(rows: Sequence[ListedObject], *, like: BlobId) -> BlobId:
    """Compute the id of a directory.

    Raises:
        UnprovenAnswerError: An entry is not exact, or none that git writes.
    """
    # JSON cannot carry such a name: GitLab replaces the bytes, and the id is lost.
    if any(_SUBSTITUTE in row.name for row in rows):
        raise UnprovenAnswerError("a name is not UTF-8, so the API does not return it")
    entries = {row.name: Entry(mode=row.mode, oid=BlobId(row.oid)) for row in rows}
    try:
        return tree_id(entries, like=like)
    except ValueError as exc:
        raise UnprovenAnswerError(
            f"a directory has an entry that git never wrote: {exc}"
        ) from exc
