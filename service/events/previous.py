"""Events in an earlier version of their type, read as the present one.

They stand in outboxes, queues and dead letters of a service that was stopped before
its upgrade, and come from processes that are not upgraded yet. Nothing here is
published any more. Samples: `tests/recorded/events`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["PREVIOUS_NAMES", "upgrade_event"]

Content = Mapping[str, Any]
Upgraded = tuple[str, Content]


def upgrade_event(name: str, data: Content) -> Upgraded:
    """Return an event's name and data as the present version has them.

    Args:
        name: The type without prefix, of any version.
        data: What the event holds; not validated yet.
    """
    upgrade = _UPGRADES.get(name)
    return (name, data) if upgrade is None else upgrade(data)


def _upgrade_push(data: Content) -> Upgraded:
    """Report pushes from what was asked for: version 1 had one event for both."""
    if data.get("ref") is not None:
        return "push.received.v2", _rename_field(data, "evidence", "trigger")
    renamed = _rename_field(data, "received_at", "requested_at")
    return "evaluation.requested.v1", _rename_field(renamed, "evidence", "trigger")


def _upgrade_evaluation(data: Content) -> Upgraded:
    return "environment.evaluated.v2", _rename_field(data, "evidence", "trigger")


def _upgrade_rebuild(data: Content) -> Upgraded:
    """Read one rebuild's request: version 3 may be about several."""
    return "rebuild.requested.v3", _rename_field(data, "evidence", "trigger")


def _upgrade_started(data: Content) -> Upgraded:
    return "build.started.v2", _without_rebuilds(data)


def _upgrade_waiting(data: Content) -> Upgraded:
    return "build.waiting.v2", _without_rebuilds(data)


def _upgrade_finished(data: Content) -> Upgraded:
    """Keep the rebuilds of version 1: their launchers may not have moved."""
    rebuilds = data.get("rebuild_ids")
    is_one = isinstance(rebuilds, list | tuple) and len(rebuilds) == 1
    alone = {"rebuild_id": rebuilds[0]} if is_one and rebuilds else {}
    return "build.finished.v2", {**data, **alone}


def _without_rebuilds(data: Content) -> Content:
    return {name: value for name, value in data.items() if name != "rebuild_ids"}


def _upgrade_hook(data: Content) -> Upgraded:
    return "hook.unhealthy.v2", _rename_field(data, "mend", "remedy")


def _rename_field(data: Content, old: str, new: str) -> Content:
    return {new if name == old else name: value for name, value in data.items()}


_UPGRADES: Final[Mapping[str, Callable[[Content], Upgraded]]] = {
    "push.received.v1": _upgrade_push,
    "environment.evaluated.v1": _upgrade_evaluation,
    "rebuild.requested.v1": _upgrade_rebuild,
    "rebuild.requested.v2": _upgrade_rebuild,
    "build.started.v1": _upgrade_started,
    "build.waiting.v1": _upgrade_waiting,
    "build.finished.v1": _upgrade_finished,
    "hook.unhealthy.v1": _upgrade_hook,
}

PREVIOUS_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "push.received.v2": ("push.received.v1",),
    "evaluation.requested.v1": ("push.received.v1",),
    "environment.evaluated.v2": ("environment.evaluated.v1",),
    "rebuild.requested.v3": ("rebuild.requested.v2", "rebuild.requested.v1"),
    "build.started.v2": ("build.started.v1",),
    "build.waiting.v2": ("build.waiting.v1",),
    "build.finished.v2": ("build.finished.v1",),
    "hook.unhealthy.v2": ("hook.unhealthy.v1",),
}
"""Event name → names under which the same was published earlier."""
