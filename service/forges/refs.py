"""Names that strangers may give: refs, object ids, paths and numbers.

Every model of a payload checks its own, so that what was read holds nothing a later
reader could trip over.
"""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from service.domain.repository import is_ref

__all__ = [
    "BRANCHES",
    "MERGE_QUEUE",
    "TAGS",
    "Moved",
    "RepositoryNumber",
    "branch_or_none",
    "check_object_id",
    "check_path",
    "is_full_ref",
]

BRANCHES: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
MERGE_QUEUE: Final = "refs/heads/gh-readonly-queue/"
"""GitHub's scratch branches: https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue"""

_LONGEST: Final = 1024
"""Bytes. Forges allow 250 or so; git's own files end near 4096."""
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PLAIN_REF: Final = re.compile(r"refs/(?:heads|tags)(?:/[A-Za-z0-9_-]+)+")
"""What nearly all look like."""
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def is_full_ref(text: str) -> bool:
    """Return whether a text in a payload is a full ref name: `refs/<kind>/<name>`."""
    if _PLAIN_REF.fullmatch(text):
        return len(text) <= _LONGEST
    return (
        text.startswith("refs/")
        and text.count("/") >= 2  # noqa: PLR2004 - refs/<kind>/<name>
        and is_ref(text)
        # JSON holds characters: half of one is no name that a forge could have.
        and not _SURROGATE.search(text)
    )


def branch_or_none(name: str | None) -> str | None:
    """Return a branch name; None for what cannot be one."""
    return name if name and is_full_ref(BRANCHES + name) else None


def check_object_id(name: str, text: str) -> None:
    """Refuse what is no id of a commit or an annotated tag; zeros stand for none.

    Args:
        name: Of the field, for the error.
        text: What it holds.

    Raises:
        ValueError: It is none.
    """
    if not _OBJECT_ID.fullmatch(text):
        raise ValueError(
            f"{name}: no object id; expected 40 or 64 lower-case hex digits"
        )


def check_path(name: str, text: str) -> None:
    """Refuse what is no path of a repository.

    Raises:
        ValueError: It is none.
    """
    # isprintable refuses control characters and halves of characters.
    if not text.isprintable() or len(text.encode()) > _LONGEST or not text.strip("/"):
        raise ValueError(f"{name}: no path of a repository; expected owner/name")


RepositoryNumber = Annotated[int, Meta(gt=0, le=2**63 - 1)]


class Moved(Struct, frozen=True, kw_only=True):
    """The facts of a moved ref that every forge sends."""

    ref: str
    before: str
    after: str

    def __post_init__(self) -> None:
        if not is_full_ref(self.ref):
            raise ValueError("ref: no ref name of git; expected refs/…")
        check_object_id("before", self.before)
        check_object_id("after", self.after)
