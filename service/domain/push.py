"""What a forge says happened, forge-neutral. A hint to look, never the truth."""

from dataclasses import dataclass
from enum import Enum

from service.domain.repository import Ref, Repository

__all__ = ["Evidence", "Ignored", "Push", "Suggestion"]


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
    BASE_CHANGED = "base_changed"
    """What builds changed, or what images stand on; no definition need have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a payload calls its repository, where that is not what is known here.

    A reason to look, never a fact: it was signed by whoever has the hook's secret.
    """

    path: str
    """Its name; the known one unless it may have been renamed."""
    number: int | None
    """Its number; None unless it is another than the known one."""


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
    suggestion: Suggestion | None = None
    """What the payload says of the repository beside; None when it agrees."""

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
