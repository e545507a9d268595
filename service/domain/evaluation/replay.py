"""The report of a replayed history: each push's result, compared with git's diff."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from service.domain.definition import Kind
from service.domain.evaluation.comparison import Verdict
from service.domain.fingerprint import Fingerprint
from service.domain.repository import CommitSha

__all__ = ["ROOT", "ReplayAction", "ReplayedPush", "Report", "classify_push"]

ROOT: Final = "."
"""The path of a whole commit, where a definition's closure is not known."""

Wanted = tuple[Kind, Fingerprint]
"""What a repository determines of an image: its kind and the definition's meaning."""


class ReplayAction(Enum):
    """The result of one push."""

    BUILT = "built"
    REUSED = "reused"
    """The image of an earlier push is used."""
    SAME_MEANING = "same_meaning"
    """Files changed, but not what gets installed: the image stays."""
    LEFT = "left"
    """No file of the closure changed."""
    NO_DEFINITION = "no_definition"
    """The commit has no definition."""
    UNREAD = "unread"
    """The definition cannot be read."""


def classify_push(
    verdict: Verdict, wanted: Wanted | None, made: Collection[Wanted | None]
) -> ReplayAction:
    """Return the action that follows from a verdict.

    Args:
        verdict: The verdict of the evaluation.
        wanted: The image that the definition needs; None without a definition.
        made: The images that exist.
    """
    match verdict:
        case Verdict.INITIAL | Verdict.CHANGED:
            return ReplayAction.REUSED if wanted in made else ReplayAction.BUILT
        case Verdict.COSMETIC:
            return ReplayAction.SAME_MEANING
        case Verdict.UNCHANGED:
            return ReplayAction.LEFT
        case Verdict.NO_DEFINITION:
            return ReplayAction.NO_DEFINITION
        case Verdict.UNKNOWN | Verdict.REF_GONE:
            return ReplayAction.UNREAD
        case _:
            assert_never(verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedPush:
    """One replayed push and its result."""

    commit: CommitSha
    act: ReplayAction
    reason: str
    """A machine-readable name of the rule that applied."""
    is_changed: bool
    """Whether git finds a difference in the definition's closure."""
    is_whole: bool = False
    """Whether the closure is not known, so that the whole commit counts."""
    requests: int
    """How many requests the remote got."""

    @property
    def is_rebuild(self) -> bool:
        """Whether launchers get another image."""
        return self.act in {ReplayAction.BUILT, ReplayAction.REUSED}

    @property
    def is_missed(self) -> bool:
        """Whether the push changed the closure and led to no rebuild."""
        return self.is_changed and self.act in {ReplayAction.LEFT, ReplayAction.UNREAD}

    @property
    def is_needless(self) -> bool:
        """Whether the push led to a rebuild without a change."""
        return self.is_rebuild and not self.is_changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a replay: all pushes, with precision and recall of the rebuilds."""

    pushes: tuple[ReplayedPush, ...]

    def count(self, *acts: ReplayAction, is_changed: bool | None = None) -> int:
        """Return how many pushes led to one of some actions.

        Args:
            acts: The actions to count.
            is_changed: Whether git shows a change; None counts both.
        """
        return sum(
            push.act in acts and is_changed in {None, push.is_changed}
            for push in self.pushes
        )

    @property
    def changed(self) -> int:
        """How many pushes changed something in the definition's closure."""
        return sum(push.is_changed for push in self.pushes)

    @property
    def missed(self) -> int:
        """How many changes went unnoticed."""
        return sum(push.is_missed for push in self.pushes)

    @property
    def needless(self) -> int:
        """How many rebuilds had no change."""
        return sum(push.is_needless for push in self.pushes)

    @property
    def precision(self) -> float | None:
        """The share of rebuilds that had a change; None without a rebuild."""
        rebuilt = self.count(ReplayAction.BUILT, ReplayAction.REUSED)
        return (rebuilt - self.needless) / rebuilt if rebuilt else None

    @property
    def recall(self) -> float | None:
        """The share of changes that led to a rebuild; None without a change."""
        return (self.changed - self.missed) / self.changed if self.changed else None

    @property
    def whole(self) -> int:
        """How many rebuilds compared whole commits."""
        return sum(push.is_whole and push.is_rebuild for push in self.pushes)

    @property
    def avoided(self) -> int:
        """How many builds were saved, compared with a build at every push."""
        return len(self.pushes) - self.count(ReplayAction.BUILT)

    @property
    def requests(self) -> int:
        """How many requests the remote got in all."""
        return sum(push.requests for push in self.pushes)

    def requests_per_push(self, *, is_changed: bool) -> float | None:
        """Return the mean of the requests of some pushes; None without such a push.

        Args:
            is_changed: Whether the pushes are meant that changed something in the
                definition's closure, or the others.
        """
        counts = [
            push.requests for push in self.pushes if push.is_changed is is_changed
        ]
        return sum(counts) / len(counts) if counts else None

    @property
    def reasons(self) -> dict[str, int]:
        """How often each rule applied, the most frequent first."""
        return dict(Counter(push.reason for push in self.pushes).most_common())
