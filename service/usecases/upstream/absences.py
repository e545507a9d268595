"""What an upstream Renku no longer lists is gone once two lists agree."""

from collections import defaultdict
from collections.abc import Collection, Set as AbstractSet
from typing import Generic, TypeVar

__all__ = ["Absences"]

K = TypeVar("K")


# In memory: after a restart of the leader two more lists have to agree, which costs one
# interval. A list that could not be read is none, and neither counts nor interrupts.
class Absences(Generic[K]):
    """Tell what is gone from what one list lacked."""

    def __init__(self) -> None:
        self._absent: defaultdict[str, AbstractSet[K]] = defaultdict(set)

    def confirm(self, project: str, absent: AbstractSet[K]) -> Collection[K]:
        """Return what this list of a project lacks, and the one before lacked, too."""
        confirmed = absent & self._absent[project]
        self._absent[project] = absent
        return confirmed
