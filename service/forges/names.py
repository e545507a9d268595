"""Names that strangers may give: refs, object ids, paths and numbers.

Each is a type that pydantic checks, so that a payload that passed its model holds
nothing a later reader could trip over.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StrictInt, StrictStr

__all__ = [
    "BRANCHES",
    "MERGE_QUEUE",
    "TAGS",
    "ObjectId",
    "RefName",
    "RepositoryNumber",
    "RepositoryPath",
    "branch_or_none",
    "is_ref",
]

BRANCHES: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
MERGE_QUEUE: Final = "refs/heads/gh-readonly-queue/"
"""GitHub's scratch branches: https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue"""

_LONGEST: Final = 1024
"""Bytes. Forges allow 250 or so; git's own files end near 4096."""
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BAD_IN_REF: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)"
)
"""https://git-scm.com/docs/git-check-ref-format, and halves of
characters."""


def is_ref(text: str) -> bool:
    """Say whether git would take a text for a full ref name."""
    return (
        text.startswith("refs/")
        and text.count("/") >= 2  # noqa: PLR2004 - refs/<kind>/<name>
        and not text.endswith(("/", "."))
        and not _BAD_IN_REF.search(text)
        and len(text.encode()) <= _LONGEST
    )


def branch_or_none(name: str | None) -> str | None:
    """Return a branch name; None for what cannot be one."""
    return name if name and is_ref(BRANCHES + name) else None


def _ref(text: str) -> str:
    if not is_ref(text):
        raise ValueError("no ref name of git; expected refs/…")
    return text


def _object_id(text: str) -> str:
    if not _OBJECT_ID.fullmatch(text):
        raise ValueError("no object id; expected 40 or 64 lower-case hex digits")
    return text


def _path(text: str) -> str:
    # isprintable refuses control characters and halves of characters.
    if not text.isprintable() or len(text.encode()) > _LONGEST:
        raise ValueError("no path of a repository; expected owner/name")
    if not text.strip("/"):
        raise ValueError("empty; expected owner/name")
    return text


RefName = Annotated[StrictStr, AfterValidator(_ref)]
ObjectId = Annotated[StrictStr, AfterValidator(_object_id)]
"""Of a commit or an annotated tag; all zeros for none."""
RepositoryPath = Annotated[StrictStr, AfterValidator(_path)]
RepositoryNumber = Annotated[StrictInt, Field(gt=0, lt=2**63)]
