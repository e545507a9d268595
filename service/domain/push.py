"""What a forge says happened, forge-neutral. A hint to look, never the truth."""

from dataclasses import dataclass
from enum import Enum

from service.domain.repository import Ref, Repository

__all__ = ["Evidence", "Ignored", "Push"]


class Evidence(Enum):
    """Why somebody asks to look at a ref now."""

    PUSH = "push"
    SWEEP = "sweep"
    LAUNCHER = "launcher"
    """A launcher was added or follows something new."""
    MANUAL = "manual"
    """A person asked for a rebuild."""
    REPLAY = "replay"
    """A recorded delivery was sent down the road again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A ref of a repository may have moved."""

    repository: Repository
    ref: Ref
    before: str
    """The forge's claim; all zeros for a new ref. Explains, never decides."""
    after: str
    """The forge's claim, peeled to a commit where it said so; zeros when deleted."""
    default_branch: str | None
    """The branch name the payload calls the default; None when it does not say."""

    @property
    def is_deletion(self) -> bool:
        """Say whether the ref was deleted."""
        return bool(self.after) and set(self.after) == {"0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A genuine delivery that asks for nothing."""

    reason: str
    """A machine word, such as `ping` or `not_a_branch`."""
    message: str
    """A sentence for a person."""
    repository: Repository | None = None
    """The hook's repository, as the payload names it; None when it names none."""
