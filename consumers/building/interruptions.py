"""How often builds of an environment were interrupted by newer ones, in a row."""

from collections.abc import Mapping, Sequence
from typing import Final

from service.domain.building.build import BuildState, EnvironmentId, Rebuild
from service.ports.store import Transaction

__all__ = ["count_interruptions"]

RECENT: Final = 10
"""How many rebuilds of an environment are read."""


async def count_interruptions(
    tx: Transaction, rebuilds: Sequence[Rebuild]
) -> Mapping[EnvironmentId, int]:
    """Count the running rebuilds in a row that were superseded, of each environment.

    Of those with more than one unfinished rebuild: only there it decides something.
    """
    crowded = _crowded(rebuilds)
    if not crowded:
        return {}
    recent = await tx.rebuilds.of_environments(crowded, limit=RECENT)
    return {environment: _count(latest) for environment, latest in recent.items()}


def _crowded(rebuilds: Sequence[Rebuild]) -> set[EnvironmentId]:
    """Return the environments with more than one unfinished rebuild."""
    seen: set[EnvironmentId] = set()
    crowded: set[EnvironmentId] = set()
    for rebuild in rebuilds:
        target = crowded if rebuild.environment_id in seen else seen
        target.add(rebuild.environment_id)
    return crowded


def _count(latest: Sequence[Rebuild]) -> int:
    count = 0
    for rebuild in (item for item in latest if item.state.is_final):
        if rebuild.state is not BuildState.SUPERSEDED:
            break
        # Only those that had started: a rebuild that was superseded in the queue cost
        # nothing. The count lets a branch that is pushed to all the time finish a build
        # now and then.
        count += rebuild.started_at is not None
    return count
