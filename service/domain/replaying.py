"""A history, pushed once more: what was done for each push, and what git says of it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from service.domain.definition import Kind
from service.domain.evaluation import Verdict
from service.domain.fingerprint import Fingerprint
from service.domain.repository import CommitSha

__all__ = ["ROOT", "Act", "Played", "Report", "act_of"]

ROOT: Final = "."
"""The path that stands for a whole commit, where a definition cannot be followed."""

Wanted = tuple[Kind, Fingerprint]
"""What makes an image, as far as a repository says: how it is installed, and what."""


class Act(Enum):
    """What a push leads to."""

    BUILT = "built"
    REUSED = "reused"
    """It asks for an image that an earlier push made."""
    SAME_MEANING = "same_meaning"
    """Files changed, and not what gets installed: the image stays."""
    LEFT = "left"
    """Nothing that counts changed."""
    NO_DEFINITION = "no_definition"
    """There is nothing to build from."""
    UNREAD = "unread"
    """The definition cannot be read, now or later."""


def act_of(
    verdict: Verdict, wanted: Wanted | None, made: Collection[Wanted | None]
) -> Act:
    """Say what a verdict leads to.

    Args:
        verdict: What a look concluded.
        wanted: The image that the definition asks for; None without a definition.
        made: The images that are there.
    """
    match verdict:
        case Verdict.INITIAL | Verdict.CHANGED:
            return Act.REUSED if wanted in made else Act.BUILT
        case Verdict.COSMETIC:
            return Act.SAME_MEANING
        case Verdict.UNCHANGED:
            return Act.LEFT
        case Verdict.NO_DEFINITION:
            return Act.NO_DEFINITION
        case Verdict.UNKNOWN | Verdict.REF_GONE:
            return Act.UNREAD
        case _:
            assert_never(verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One push, judged."""

    commit: CommitSha
    act: Act
    reason: str
    """A machine word: the rule that fired."""
    is_changed: bool
    """Whether git finds a difference in the definition's closure."""
    is_whole: bool = False
    """Whether the definition could not be followed, so that the whole commit counts."""
    requests: int
    """How often the remote was asked."""

    @property
    def is_rebuild(self) -> bool:
        """Whether launchers are given another image."""
        return self.act in {Act.BUILT, Act.REUSED}

    @property
    def is_missed(self) -> bool:
        """Whether a change went unnoticed."""
        return self.is_changed and self.act in {Act.LEFT, Act.UNREAD}

    @property
    def is_needless(self) -> bool:
        """Whether there is a rebuild without a change."""
        return self.is_rebuild and not self.is_changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a replay shows."""

    pushes: tuple[Played, ...]

    def count(self, *acts: Act, is_changed: bool | None = None) -> int:
        """Return how many pushes led to one of some acts.

        Args:
            acts: Any of them counts.
            is_changed: What git says of them; None for either.
        """
        return sum(
            it.act in acts and is_changed in {None, it.is_changed} for it in self.pushes
        )

    @property
    def changed(self) -> int:
        """How many pushes changed something in the definition's closure."""
        return sum(it.is_changed for it in self.pushes)

    @property
    def missed(self) -> int:
        """How many changes went unnoticed."""
        return sum(it.is_missed for it in self.pushes)

    @property
    def needless(self) -> int:
        """How many rebuilds there were without a change."""
        return sum(it.is_needless for it in self.pushes)

    @property
    def precision(self) -> float | None:
        """The share of rebuilds that a change called for; None without a rebuild."""
        rebuilt = self.count(Act.BUILT, Act.REUSED)
        return (rebuilt - self.needless) / rebuilt if rebuilt else None

    @property
    def recall(self) -> float | None:
        """The share of changes that were noticed; None without a change."""
        return (self.changed - self.missed) / self.changed if self.changed else None

    @property
    def whole(self) -> int:
        """How many rebuilds were called for by any difference at all."""
        return sum(it.is_whole and it.is_rebuild for it in self.pushes)

    @property
    def avoided(self) -> int:
        """How many builds a rebuild at every push would have made, and this did not."""
        return len(self.pushes) - self.count(Act.BUILT)

    @property
    def requests(self) -> int:
        """How often the remote was asked in all."""
        return sum(it.requests for it in self.pushes)

    @property
    def reasons(self) -> dict[str, int]:
        """How often each rule fired, the most frequent first."""
        return dict(Counter(it.reason for it in self.pushes).most_common())
