"""A push as a forge reports it, forge-neutral: a hint to evaluate, never the truth."""

from dataclasses import dataclass
from enum import Enum

from service.domain.repository import Ref, Repository

__all__ = ["Ignored", "Push", "Suggestion", "Trigger"]


class Trigger(Enum):
    """Why an evaluation is requested."""

    PUSH = "push"
    SWEEP = "sweep"
    LAUNCHER = "launcher"
    """A launcher was added or follows something new."""
    MANUAL = "manual"
    """A person asked for a rebuild."""
    REPLAY = "replay"
    """A recorded delivery was replayed."""
    BASE_CHANGED = "base_changed"
    """The builder or a base image changed; the definition may be the same."""
    SCHEDULE = "schedule"
    """The image is older than its launcher's schedule allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """The path and number of a repository in a payload that differ from the known ones.

    A reason to ask the forge, never a fact: anybody with the hook's secret can sign it.
    """

    path: str
    """The path in the payload; the known one unless it may have been renamed."""
    number: int | None
    """The number in the payload; None unless it differs from the known one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A ref of a repository may have moved."""

    repository: Repository
    ref: Ref
    before: str
    """The old commit, as the forge claims; all zeros for a new ref. Never decides."""
    after: str
    """The new commit, as the forge claims: a tag is peeled where the payload allows;
    all zeros for a deleted ref."""
    default_branch: str | None
    """The default branch by the payload; None when the payload does not name it."""
    suggestion: Suggestion | None = None
    """How the payload's repository differs from the known one; None if it does not."""

    @property
    def is_deletion(self) -> bool:
        """Return whether the ref was deleted."""
        return bool(self.after) and set(self.after) == {"0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An authentic delivery that needs no evaluation."""

    reason: str
    """A machine-readable reason, such as `ping` or `not_a_branch`."""
    message: str
    """A sentence for a person."""
    repository: Repository | None = None
    """The hook's repository, as the payload names it; None when it names none."""
