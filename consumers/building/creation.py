"""Create the build that a rebuild needs."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from service.domain.building.build import Build, BuildId, BuildState, Rebuild
from service.domain.building.previous_image import choose_previous_image
from service.domain.launcher import LauncherId
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.ports.store import Transaction

__all__ = ["create_build"]

_RELATIVES: Final = 50
"""How many builds of a repository are searched for layers to reuse."""


async def create_build(
    tx: Transaction, rebuild: Rebuild, *, id_: BuildId, now: datetime
) -> Build:
    """Add the build of a rebuild's plan, queued; return it."""
    plan = rebuild.plan
    if plan is None:
        raise ValueError(f"rebuild {rebuild.id} has no plan yet")
    # Not locked: the schedule holds rebuilds by now, and an evaluation that is recorded
    # locks its source first and rebuilds after it. Each would wait for the other.
    found = await tx.sources.get_many([SourceId(rebuild.source_id)])
    if not found:
        raise NotFoundError(f"the source of rebuild {rebuild.id} is not there any more")
    source = found[0]
    launcher = await tx.launchers.get(LauncherId(rebuild.launcher_id))
    build = Build(
        id=id_,
        key=plan.key,
        state=BuildState.QUEUED,
        spec=plan.spec,
        kind=plan.kind,
        repository_url=source.repository.url,
        commit=plan.commit,
        # A commit may have left the branch by the time it is cloned; servers that
        # refuse bare ids are asked for the ref then.
        ref=source.seen.ref if source.seen else None,
        context_dir=source.context_dir,
        path=plan.path,
        declared=plan.declared,
        kept=plan.kept,
        environment_id=rebuild.environment_id,
        project_id=launcher.project_id,
        is_fresh=rebuild.is_fresh,
        traceparent=plan.traceparent,
        created_at=now,
    )
    # Chosen when the build is created and kept in its row: an attempt that is
    # repeated must reuse the same layers, or two attempts of one build would
    # differ.
    relatives = await tx.builds.succeeded(
        build.project_id, build.repository_url, limit=_RELATIVES
    )
    build = replace(build, previous_image=choose_previous_image(build, relatives))
    await tx.builds.add(build)
    return build
