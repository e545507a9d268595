"""Sources: what a launcher tracks, and what was last seen there."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NewType, Self

from service.domain.definition import Item, Kind
from service.domain.fingerprint import RULES_VERSION, Fingerprint
from service.domain.push import Push
from service.domain.repository import CommitSha, Ref, Repository, is_commit

__all__ = [
    "Access",
    "Head",
    "Revision",
    "RevisionKind",
    "Seen",
    "Source",
    "SourceId",
]

SourceId = NewType("SourceId", str)


class Access(Enum):
    """What a source is read with."""

    CREDENTIAL = "credential"
    """The installation's credentials, where it has some for the host: an administrator
    or a rule of the settings granted its project the repository."""
    ANONYMOUS = "anonymous"
    """None: what anybody may read. A private repository does not exist for it."""


class RevisionKind(Enum):
    """The kind of name that a revision is."""

    DEFAULT = "default"
    """The default branch, whatever its current name."""
    BRANCH = "branch"
    TAG = "tag"
    COMMIT = "commit"
    NAME = "name"
    """A short name: the branch of that name, or else the tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A default branch, branch, tag or commit."""

    kind: RevisionKind
    name: str = ""
    """Short name or commit id; empty for the default branch."""

    @classmethod
    def from_text(cls, text: str | None) -> Self:
        """Parse a revision as users write it (Renku's `repository_revision`).

        An empty text is the default branch, a full commit id is pinned, `refs/heads/x`
        and `refs/tags/x` are a branch and a tag, and any other text is a name.
        """
        text = (text or "").strip()
        if not text:
            return cls(kind=RevisionKind.DEFAULT)
        # Before names: a branch may be called like a commit id, but nobody means one.
        if is_commit(text.lower()):
            return cls(kind=RevisionKind.COMMIT, name=text.lower())
        for prefix, kind in _PREFIXES:
            if text.startswith(prefix):
                return cls(kind=kind, name=text.removeprefix(prefix))
        return cls(kind=RevisionKind.NAME, name=text)

    def to_text(self) -> str:
        """Format the revision so that `from_text` parses it."""
        for prefix, kind in _PREFIXES:
            if kind is self.kind:
                return prefix + self.name
        return self.name

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The refs that it may name, by preference; none for a pinned commit."""
        match self.kind:
            case RevisionKind.BRANCH:
                return (Ref(f"refs/heads/{self.name}"),)
            case RevisionKind.TAG:
                return (Ref(f"refs/tags/{self.name}"),)
            case RevisionKind.NAME:
                return (
                    Ref(f"refs/heads/{self.name}"),
                    Ref(f"refs/tags/{self.name}"),
                )
            case RevisionKind.DEFAULT | RevisionKind.COMMIT:
                return ()


_PREFIXES = (
    ("refs/heads/", RevisionKind.BRANCH),
    ("refs/tags/", RevisionKind.TAG),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The commit that a revision points to now, as read from the remote."""

    commit: CommitSha
    ref: Ref | None
    """The ref that was read; None for a pinned commit."""
    repository: Repository | None = field(default=None, compare=False)
    """The repository's current path and number at the forge; None when not reported."""
    is_private: bool | None = field(default=None, compare=False)
    """Whether the repository is private; None when the remote did not report it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the last finished evaluation of a source saw."""

    commit: CommitSha | None
    """None while the ref is missing."""
    ref: Ref | None
    fingerprint: Fingerprint | None
    """None when there was no definition."""
    meaning: Fingerprint | None
    kind: Kind | None
    items: tuple[Item, ...] = ()
    """The closure, to list later which paths changed."""
    declared: tuple[str, ...] = ()
    """The distributions that the definition names."""
    is_pinned: bool | None = False
    """Whether the definition leaves no version open; None in rows of versions that did
    not record it."""
    rules: str = RULES_VERSION
    """The `RULES_VERSION` of these digests."""
    is_private: bool = False
    """Whether the repository is private, as last reported."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a launcher tracks: a repository, a revision and a context directory.

    One row for all launchers that track the same with the same access; only evaluations
    write `seen`.
    """

    id: SourceId
    repository: Repository
    revision: Revision
    context_dir: str
    """Relative, without slashes at the ends; empty for the root."""
    access: Access = Access.CREDENTIAL
    generation: int = 0
    """Grows with every finished evaluation; launchers move only to a higher one."""
    seen: Seen | None = None
    created_at: datetime

    @property
    def private_to(self) -> str:
        """The private repository that the images belong to; empty if public.

        Named by its number, which survives a rename, or by its path without a number.
        """
        if self.seen is None or not self.seen.is_private:
            return ""
        known = self.repository
        return f"{known.host}/{known.number or known.label}"

    def is_on(self, push: Push) -> bool:
        """Return whether a push may have moved this source.

        A pinned commit never moves. A default branch is matched by its name in the
        payload and by its name when last seen; a payload that does not name it may be
        about any branch.
        """
        return self.repository.is_same(push.repository) and self.is_moved_by(push)

    def is_moved_by(self, push: Push) -> bool:
        """Return whether a push of this source's own repository may have moved it."""
        if self.revision.kind is not RevisionKind.DEFAULT:
            is_named_so = push.ref.endswith(self.revision.name)  # cheap test first
            return is_named_so and push.ref in self.revision.refs
        if not push.ref.startswith("refs/heads/"):
            return False
        # A delivery that is replayed lacks it, as it is not on record. Evaluating a
        # source once too often is cheaper than missing its push.
        if push.default_branch is None:
            return True
        seen = self.seen.ref if self.seen else None
        # Both names: when the default branch is renamed, the push to the new one may
        # come before the next evaluation.
        return push.ref in {f"refs/heads/{push.default_branch}", seen}
