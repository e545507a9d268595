"""Gather what an operator wants to know at a glance: what runs, waits and failed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers.api.schemas.builds import BuildDetails
from handlers.usecases.build_descriptions import BuildDescriber
from service.domain.building.build import BuildState, Rebuild
from service.domain.evaluation.sweep import SweepTimes
from service.domain.launcher import Launcher, LauncherId
from service.ports.store import Transaction

__all__ = ["HOURS", "OperationView", "gather_operation"]

HOURS: Final = 24
"""How far the rates go back."""
_LATEST: Final = 1000
"""How many rebuilds are counted at most; busier services have metrics."""
_WITHOUT_BUILD: Final = frozenset({"reused", "adopted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyCount:
    """How many rebuilds ended within one hour, and how."""

    succeeded: int = 0
    failed: int = 0
    reused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationView:
    """The service as it is now, and how it fared in the last day."""

    unfinished: Sequence[tuple[BuildDetails, str]]
    """Rebuilds that run or wait, oldest first, with their launchers' names."""
    hours: Sequence[HourlyCount]
    """Oldest first."""
    states: Mapping[str, int]
    """How many rebuilds of the last day ended how."""
    reused: int
    """Rebuilds of the last day that needed no build."""
    durations: Sequence[timedelta]
    """How long the latest builds took, newest first."""
    without_build: int
    """Launchers that are behind and have no build."""
    sweep: SweepTimes

    @property
    def typical(self) -> timedelta | None:
        """The median of the latest builds; None before the first."""
        durations = sorted(self.durations)
        return durations[len(durations) // 2] if durations else None

    @property
    def saved(self) -> timedelta | None:
        """How long the avoided builds would have taken."""
        return self.typical * self.reused if self.typical is not None else None


async def gather_operation(
    tx: Transaction, describer: BuildDescriber, now: datetime
) -> OperationView:
    """Gather the view of the whole service."""
    waiting = await tx.rebuilds.unfinished()
    described = await describer.describe_builds(tx, waiting)
    names = await _names(tx, waiting)
    since = now - timedelta(hours=HOURS)
    latest = [
        rebuild
        for rebuild in await tx.rebuilds.list(limit=_LATEST)
        if rebuild.completed_at and rebuild.completed_at >= since
    ]
    return OperationView(
        unfinished=[(build, names.get(build.launcher_id, "")) for build in described],
        hours=_by_hour(latest, now),
        states=Counter(rebuild.state.value for rebuild in latest),
        reused=sum(rebuild.reason in _WITHOUT_BUILD for rebuild in latest),
        durations=await tx.builds.durations(),
        without_build=await tx.launchers.count_without_build(),
        sweep=await tx.sweeps.times(),
    )


async def _names(tx: Transaction, rebuilds: Sequence[Rebuild]) -> Mapping[str, str]:
    ids = {LauncherId(rebuild.launcher_id) for rebuild in rebuilds}
    launchers: Sequence[Launcher] = await tx.launchers.get_many(ids)
    return {launcher.id: launcher.name for launcher in launchers}


def _by_hour(rebuilds: Sequence[Rebuild], now: datetime) -> Sequence[HourlyCount]:
    counts: Counter[tuple[int, str]] = Counter()
    for rebuild in rebuilds:
        assert rebuild.completed_at is not None
        hour = int((now - rebuild.completed_at) / timedelta(hours=1))
        counts[hour, _kind(rebuild)] += 1
    return [
        HourlyCount(
            succeeded=counts[hour, "succeeded"],
            failed=counts[hour, "failed"],
            reused=counts[hour, "reused"],
        )
        for hour in reversed(range(HOURS))
    ]


def _kind(rebuild: Rebuild) -> str:
    if rebuild.reason in _WITHOUT_BUILD:
        return "reused"
    return "failed" if rebuild.state is BuildState.FAILED else rebuild.state.value
