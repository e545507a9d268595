"""Scheduled rebuilds: when an image is rebuilt although its definition did not change.

Level-triggered like `service.domain.reconciliation`: the decision follows from the age
of the image and the result of the last attempt, so there is no timer to lose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from service.domain.backoff import Backoff
from service.domain.building.build import BuildKey, BuildState, Image, Rebuild
from service.domain.launcher import Launcher, UpdatePolicy

__all__ = ["NOTHING", "SPREAD", "Upcoming", "find_next_rebuild", "is_newer"]

RETRY: Final = Backoff(first=timedelta(minutes=10), longest=timedelta(days=1))
"""The launcher has an image meanwhile, so a repository that is gone for good costs only
one attempt a day."""
SPREAD: Final = timedelta(days=1)
"""The period over which rebuilds of images of one age are spread: the images of a
course that was set up within an hour would otherwise fall due together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """The next scheduled rebuild of a launcher's image."""

    at: datetime | None
    """None while no rebuild is scheduled."""
    why: str = ""
    """A sentence that explains why there is none, or why it was postponed."""

    def is_due(self, now: datetime) -> bool:
        """Return whether the rebuild is to be requested now."""
        return self.at is not None and self.at <= now


NOTHING: Final = Upcoming(at=None)
"""The launcher has no schedule."""


def find_next_rebuild(
    launcher: Launcher,
    rebuilds: Sequence[Rebuild],
    *,
    settings_changed_at: datetime | None = None,
) -> Upcoming:
    """Return when a launcher's image is next rebuilt by its schedule, or why it is not.

    Args:
        launcher: The launcher, with the key of its current definition.
        rebuilds: The latest rebuilds of its environment, and every unfinished one.
        settings_changed_at: Failures before it are ignored when an operator setting
            may have fixed them.
    """
    interval = launcher.schedule.interval
    if interval is None:
        return NOTHING
    if why := _why_not(launcher, rebuilds):
        return Upcoming(at=None, why=why)
    built_at = launcher.built_at or launcher.created_at
    key = launcher.wanted_key or BuildKey("")
    # By key and not by launcher: launchers of one environment then fall due together
    # and share the build.
    due = built_at + interval + _spread(key)
    tries = [
        rebuild
        for rebuild in _tries(rebuilds, key, since=built_at)
        if not _may_be_fixed(rebuild, settings_changed_at)
    ]
    if not tries:
        return Upcoming(at=due)
    return _after(tries, due, interval)


def is_newer(image: Image | None, launcher: Launcher, *, now: datetime) -> bool:
    """Return whether an existing image of the wanted key makes a rebuild unnecessary.

    Another launcher of the same environment may have requested it.
    """
    interval = launcher.schedule.interval
    if image is None or interval is None or now - image.built_at >= interval:
        return False
    return launcher.built_at is None or image.built_at > launcher.built_at


def _why_not(launcher: Launcher, rebuilds: Sequence[Rebuild]) -> str:
    if launcher.policy is UpdatePolicy.MANUAL:
        return "its policy is manual: only a person's rebuild builds"
    if launcher.pinned_at is not None:
        return "a person pinned it to its image"
    if launcher.wanted_key is None or not launcher.is_served:
        return "it does not have the image that its definition asks for"
    if launcher.is_exact:
        return "its definition is pinned: built again, it would install the same"
    if any(not rebuild.state.is_final for rebuild in rebuilds):
        return "a build of it is on its way"
    return ""


def _spread(key: BuildKey) -> timedelta:
    """Return a delay below `SPREAD`, equal for all launchers that share an image."""
    return SPREAD * (int(key[:8] or "0", 16) / 16**8)


def _tries(
    rebuilds: Sequence[Rebuild], key: BuildKey, *, since: datetime
) -> Sequence[Rebuild]:
    """Return the rebuilds of the key that ended since then, newest first."""
    ended = [
        (rebuild.completed_at, rebuild.id, rebuild)
        for rebuild in rebuilds
        if rebuild.completed_at is not None
        and rebuild.completed_at > since
        and (rebuild.plan is None or rebuild.plan.key == key)
    ]
    ended.sort(key=lambda item: item[:2], reverse=True)
    return [rebuild for _, _, rebuild in ended]


def _may_be_fixed(rebuild: Rebuild, settings_changed_at: datetime | None) -> bool:
    """Return whether settings changed after a failure that depends on settings."""
    if rebuild.failure is None or settings_changed_at is None:
        return False
    ended_at = rebuild.completed_at or rebuild.created_at
    return rebuild.failure.kind.depends_on_settings and ended_at < settings_changed_at


def _after(tries: Sequence[Rebuild], due: datetime, interval: timedelta) -> Upcoming:
    """Schedule the next attempt by the result of the last one."""
    last = tries[0]
    ended_at = last.completed_at or last.created_at
    if last.state is BuildState.CANCELLED:
        return Upcoming(
            at=max(due, ended_at + interval), why=f"build {last.id} was cancelled"
        )
    if last.state is not BuildState.FAILED or last.failure is None:
        return Upcoming(at=due)
    kind = last.failure.kind
    failures = sum(
        1 for _ in takewhile(lambda rebuild: rebuild.state is last.state, tries)
    )
    # What a definition with open versions installs changes with time, so no failure
    # is final here; a final class is worth one attempt per interval.
    wait = interval if kind.is_final else RETRY.wait_after(failures)
    return Upcoming(
        at=max(due, ended_at + wait), why=f"build {last.id} failed ({kind.word})"
    )
