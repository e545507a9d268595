"""Model what is read of Bitbucket Cloud's payloads.

https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from service.forges.refs import (
    BRANCHES,
    TAGS,
    check_object_id,
    check_path,
    is_full_ref,
)

__all__ = [
    "BitbucketChange",
    "BitbucketPush",
    "BitbucketSubject",
    "BitbucketUpdate",
]

MAX_CHANGES: Final = 1000
"""Refs in one delivery. A change takes over 500 bytes of the 256 kB that Bitbucket
sends at most."""

_PREFIXES: Final = {"branch": BRANCHES, "tag": TAGS}
"""The others, `named_branch` and `bookmark`, were Mercurial's."""


class BitbucketRepository(Struct, frozen=True):
    """A repository; it has a UUID and no number."""

    full_name: str

    def __post_init__(self) -> None:
        check_path("full_name", self.full_name)


class BitbucketTarget(Struct, frozen=True):
    """A commit; of an annotated tag the one that is tagged."""

    hash: str

    def __post_init__(self) -> None:
        check_object_id("hash", self.hash)


class BitbucketRef(Struct, frozen=True):
    """A branch or a tag before or after the push."""

    type: str
    name: str
    target: BitbucketTarget

    def __post_init__(self) -> None:
        if self.ref is not None and not is_full_ref(self.ref):
            raise ValueError("name: no name of a branch or a tag")

    @property
    def ref(self) -> str | None:
        """Return the full name; None when it is neither a branch nor a tag."""
        prefix = _PREFIXES.get(self.type)
        return prefix + self.name if prefix else None


class BitbucketChange(Struct, frozen=True):
    """One ref that a push moved. Commits are capped at five and are not read."""

    old: BitbucketRef | None
    """None when the ref is new."""
    new: BitbucketRef | None
    """None when it was deleted."""

    def __post_init__(self) -> None:
        if self.old is None and self.new is None:
            raise ValueError("old and new are both null")


class BitbucketChanges(Struct, frozen=True):
    """Every ref that one push moved."""

    changes: Annotated[tuple[BitbucketChange, ...], Meta(max_length=MAX_CHANGES)]


class BitbucketPush(Struct, frozen=True):
    """One push of any number of refs."""

    repository: BitbucketRepository
    push: BitbucketChanges


class _Renamed(Struct, frozen=True):
    old: str
    new: str

    def __post_init__(self) -> None:
        check_path("old", self.old)
        check_path("new", self.new)


class _Changed(Struct, frozen=True):
    full_name: _Renamed | None = None


class BitbucketUpdate(Struct, frozen=True):
    """Settings of a repository that were changed, its name among them."""

    repository: BitbucketRepository
    changes: _Changed | None = None


class BitbucketSubject(Struct, frozen=True):
    """What any other event is about."""

    repository: BitbucketRepository | None = None
