"""What a launcher follows, and what was last seen there."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NewType, Self

from service.domain.definition import Item, Kind
from service.domain.fingerprint import RULES_VERSION, Fingerprint
from service.domain.push import Push
from service.domain.repository import CommitSha, Ref, Repository, is_commit

__all__ = ["Head", "Revision", "RevisionKind", "Seen", "Source", "SourceId"]

SourceId = NewType("SourceId", str)


class RevisionKind(Enum):
    """How a revision names its commit."""

    DEFAULT = "default"
    """The default branch, whatever it is called today."""
    BRANCH = "branch"
    TAG = "tag"
    COMMIT = "commit"
    NAME = "name"
    """A bare name: the branch of that name, or else the tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A default branch, branch, tag or commit."""

    kind: RevisionKind
    name: str = ""
    """Short name or commit id; empty for the default branch."""

    @classmethod
    def from_text(cls, text: str | None) -> Self:
        """Read a revision as users write it (Renku's `repository_revision`).

        Nothing is the default branch, a full commit id pins, `refs/heads/x` and
        `refs/tags/x` say what they are, and any other text is a name.
        """
        text = (text or "").strip()
        if not text:
            return cls(kind=RevisionKind.DEFAULT)
        if is_commit(text.lower()):
            return cls(kind=RevisionKind.COMMIT, name=text.lower())
        for prefix, kind in _PREFIXES:
            if text.startswith(prefix):
                return cls(kind=kind, name=text.removeprefix(prefix))
        return cls(kind=RevisionKind.NAME, name=text)

    def to_text(self) -> str:
        """Write the revision so that `from_text` reads it back."""
        for prefix, kind in _PREFIXES:
            if kind is self.kind:
                return prefix + self.name
        return self.name

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The refs that can carry it, in order of preference; none when pinned."""
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
    """The commit a revision stands for now, asked of the remote."""

    commit: CommitSha
    ref: Ref | None
    """The ref that carried it; None for a pinned commit."""
    repository: Repository | None = field(default=None, compare=False)
    """What the forge calls the repository now; None where it did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the last finished evaluation of a source saw."""

    commit: CommitSha | None
    """None while the ref is gone."""
    ref: Ref | None
    fingerprint: Fingerprint | None
    """None when there was no definition."""
    meaning: Fingerprint | None
    kind: Kind | None
    items: tuple[Item, ...] = ()
    """The closure, to say afterwards what changed."""
    declared: tuple[str, ...] = ()
    """The distributions that the definition names."""
    rules: str = RULES_VERSION
    """The version of the rules that made these digests."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A repository, a revision and a context directory: one thing to follow."""

    id: SourceId
    repository: Repository
    revision: Revision
    context_dir: str
    """Relative, without slashes at the ends; empty for the root."""
    generation: int = 0
    """Grows with every finished evaluation; launchers only move to a higher one."""
    seen: Seen | None = None
    created_at: datetime

    def is_on(self, push: Push) -> bool:
        """Say whether a push may have moved this source.

        A pinned commit never moves. A default branch is matched by the name the
        payload gives it and by the one it had when last seen; a payload that does
        not name it may speak of any branch.
        """
        if not self.repository.is_same(push.repository):
            return False
        if self.revision.kind is not RevisionKind.DEFAULT:
            is_named_so = push.ref.endswith(self.revision.name)  # spares the rest
            return is_named_so and push.ref in self.revision.refs
        if not push.ref.startswith("refs/heads/"):
            return False
        if push.default_branch is None:
            return True
        seen = self.seen.ref if self.seen else None
        return push.ref in {f"refs/heads/{push.default_branch}", seen}
