"""Why a launcher has not the image that its definition asks for, in one sentence."""

from collections.abc import Iterable

from service.domain.building.build import BuildState, Rebuild
from service.domain.building.pause import Pause
from service.domain.launcher import Launcher, UpdatePolicy

__all__ = ["behind_reason"]


def behind_reason(
    launcher: Launcher, rebuilds: Iterable[Rebuild], pause: Pause | None = None
) -> str | None:
    """Describe what holds a launcher back; None where nothing does.

    Args:
        launcher: One that is outdated or not.
        rebuilds: The latest of its environment.
        pause: The pause of its project, if any.
    """
    if launcher.wanted_key is None or launcher.is_served:
        return None
    if launcher.policy is UpdatePolicy.MANUAL:
        return "Its policy is manual: it waits for a person."
    if launcher.pinned_at is not None:
        return (
            "Not rebuilt: a person pinned it to its image on "
            f"{launcher.pinned_at:%Y-%m-%d %H:%M} UTC; unpinned, it catches up."
        )
    if pause is not None:
        return pause.sentence
    if launcher.held_key != launcher.wanted_key:
        return None
    last = _last(launcher, rebuilds)
    return _held(launcher, last) if last else None


def _last(launcher: Launcher, rebuilds: Iterable[Rebuild]) -> Rebuild | None:
    """Return the rebuild of exactly the wanted key that ended last."""
    ended = [
        (rebuild.completed_at, rebuild.id, rebuild)
        for rebuild in rebuilds
        if rebuild.plan
        and rebuild.plan.key == launcher.wanted_key
        and rebuild.completed_at
    ]
    return max(ended)[2] if ended else None


def _held(launcher: Launcher, last: Rebuild) -> str:
    kind = f" ({last.failure.kind.word})" if last.failure else ""
    if launcher.held_until is None:
        is_limit = last.failure is not None and last.failure.kind.depends_on_settings
        or_limit = ", an operator sets another limit," if is_limit else ""
        return (
            f"Not rebuilt: build {last.id} of exactly this definition failed{kind}; "
            f"it is tried again when the definition changes{or_limit} or a person asks."
        )
    again = f"{launcher.held_until:%Y-%m-%d %H:%M:%S} UTC"
    if last.state is BuildState.CANCELLED:
        return (
            f"Not rebuilt: build {last.id} was cancelled by a person; it is tried "
            f"again at {again} or with the next push; set the policy to manual to "
            "stop it."
        )
    return f"Not rebuilt: build {last.id} failed{kind}; it is tried again at {again}."
