"""Whether an upstream Renku built the commit that was pushed, or an older one."""

from typing import Final

from service.domain.building.build import Build
from service.errors import NotFoundError
from service.ports.store import Store

__all__ = ["is_older"]

UNKNOWN: Final = "unknown"
"""Renku's word for a commit that its builder did not report."""
_RECENT: Final = 50
"""Evaluations that are read; more pushes than that during a build are seldom."""


async def is_older(store: Store, build: Build, commit: str, *, is_ours: bool) -> bool:
    """Return whether a commit that was built is not known to be as new as the wanted.

    Renku builds what the revision names when it clones, so that a later push may be in
    it already: the environment is then newer than wanted, which is good. What no
    evaluation has seen counts as older, as unknown is never taken for unchanged.

    Args:
        store: Knows which commits were evaluated, and in what order.
        build: The build; it wants a commit.
        commit: What was built.
        is_ours: Whether the build was started after the wanted commit was seen. Then a
            commit that Renku does not know is taken for it.
    """
    if commit == build.commit:
        return False
    if commit == UNKNOWN:
        return not is_ours
    async with store.reading() as tx:
        try:
            launcher = await tx.launchers.of_environment(build.environment_id)
        except NotFoundError:
            return False  # nobody wants it any more
        if launcher.source_id is None:
            return False
        source = await tx.sources.get(launcher.source_id)
        if source.seen is not None and source.seen.commit == commit:
            return False
        latest = await tx.evaluations.of_source(source.id, limit=_RECENT)
    # Of each commit the newest evaluation: a branch may be forced back to an old one.
    places: dict[str, int] = {}
    for place, evaluation in enumerate(latest):
        if evaluation.commit is not None:
            places.setdefault(evaluation.commit, place)
    return places.get(commit, _RECENT) > places.get(build.commit, _RECENT - 1)
