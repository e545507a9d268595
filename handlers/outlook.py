"""What a push would lead to: the real decisions, taken on what is there now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

from aiohttp import web

from handlers.behind_line import behind_line
from handlers.keys import BUILDER, CLOCK, REMOTE, SANDBOX, STORE
from handlers.shapes.simulations import LauncherOutlook, SourceOutlook
from handlers.shapes.sources import FindingTold, plain_path
from handlers.stories import compared
from service.domain.build import Rebuild, Recipe
from service.domain.definition import Definition
from service.domain.evaluation import (
    Evaluation,
    EvaluationId,
    Judgement,
    Looked,
    RefGone,
    SameHead,
    Verdict,
    judge,
)
from service.domain.launcher import Launcher, UpdatePolicy
from service.domain.planning import Known, Planned, next_generation, plan
from service.domain.push import Evidence, Push
from service.domain.reconciliation import RECENT
from service.domain.source import Source
from service.errors import RemoteRefusedError, TransientError
from service.look import look
from service.ports.store import Transaction

__all__ = ["outlook"]


async def outlook(app: web.Application, push: Push) -> tuple[SourceOutlook, ...]:
    """Look at every source that a push may have moved; write nothing."""
    async with app[STORE].reading() as tx:
        candidates = await tx.sources.of_repository(push.repository)
        followers = {
            it.id: await tx.launchers.of_source(it.id)
            for it in candidates
            if it.is_on(push)
        }
    followed = [it for it in candidates if followers.get(it.id)]
    return tuple([await _source(app, it, followers[it.id]) for it in followed])


async def _source(
    app: web.Application, source: Source, launchers: Sequence[Launcher]
) -> SourceOutlook:
    judgement, looked = await _judged(app, source)
    found = looked.found if isinstance(looked, Looked) else None
    seen = source.seen.items if source.seen else ()
    return SourceOutlook(
        source_id=source.id,
        repository=source.repository.url,
        revision=source.revision.to_text() or None,
        context_dir=source.context_dir or None,
        verdict=judgement.verdict.value,
        reason=judgement.reason,
        message=plain_path(judgement.message),
        commit=looked.head.commit if isinstance(looked, Looked) else None,
        files=compared(seen, found.items) if found else (),
        findings=tuple(FindingTold.of(it) for it in found.findings) if found else (),
        launchers=await _launchers(app, source, judgement, looked, launchers),
    )


async def _judged(
    app: web.Application, source: Source
) -> tuple[Judgement, Looked | SameHead | RefGone | None]:
    try:
        looked = await look(
            app[REMOTE],
            source.repository,
            source.revision,
            source.context_dir,
            sandbox=app[SANDBOX],
        )
    except (RemoteRefusedError, TransientError) as exc:
        reason = "remote_unavailable"
        if isinstance(exc, RemoteRefusedError):
            reason = f"remote_{exc.refusal.value}"
        judgement = Judgement(verdict=Verdict.UNKNOWN, reason=reason, message=str(exc))
        return judgement, None
    return judge(source, looked), looked


async def _launchers(
    app: web.Application,
    source: Source,
    judgement: Judgement,
    looked: Looked | SameHead | RefGone | None,
    launchers: Sequence[Launcher],
) -> tuple[LauncherOutlook, ...]:
    if not isinstance(looked, Looked) or not isinstance(looked.found, Definition):
        return tuple(_nothing(it, "There is nothing to build.") for it in launchers)
    async with app[STORE].reading() as tx:
        rebuilds = {
            it.environment_id: await tx.rebuilds.of_environment(
                it.environment_id, limit=RECENT
            )
            for it in launchers
        }
    ids = count()
    planned = plan(
        _imagined(app, source, judgement, looked, launchers),
        looked.found,
        Known(
            launchers=launchers,
            rebuilds=rebuilds,
            is_pushed=True,
            pause=timedelta(0),
        ),
        recipe=lambda it: _recipe(app, it),
        new_id=lambda: f"imagined-{next(ids)}",
    )
    async with app[STORE].reading() as tx:
        return tuple(
            [
                await _launcher(tx, it, rebuilds[it.launcher.environment_id])
                for it in planned
            ]
        )


async def _launcher(
    tx: Transaction, planned: Planned, latest: Sequence[Rebuild]
) -> LauncherOutlook:
    launcher = planned.launcher
    wanted = next((it.plan for it in planned.rebuilds if it.plan), None)
    if wanted is None:
        # Served, or on its way, where nothing holds it back.
        is_manual = launcher.policy is UpdatePolicy.MANUAL
        return _nothing(
            launcher,
            "Its policy is manual: it waits for a person."
            if is_manual
            else behind_line(launcher, latest)
            or "It asked for this environment already.",
        )
    image = await tx.builds.image(wanted.key)
    return LauncherOutlook(
        launcher_id=launcher.id,
        name=launcher.name,
        action="reuse" if image else "build",
        message=(
            "An image of this environment is there already."
            if image
            else "A build would be asked for."
        ),
        image=image.reference if image else None,
    )


def _nothing(launcher: Launcher, message: str) -> LauncherOutlook:
    return LauncherOutlook(
        launcher_id=launcher.id, name=launcher.name, action="nothing", message=message
    )


def _recipe(app: web.Application, launcher: Launcher) -> Recipe:
    return Recipe(
        builder=launcher.builder,
        frontend=launcher.frontend,
        platform=launcher.platform,
        builder_image=app[BUILDER].identity(frontend=launcher.frontend),
        scope=app[BUILDER].scope(launcher.project_id),
    )


def _imagined(
    app: web.Application,
    source: Source,
    judgement: Judgement,
    looked: Looked,
    launchers: Sequence[Launcher],
) -> Evaluation:
    """Return the evaluation that such a look would be put on record as."""
    now = app[CLOCK].now()
    blank = Evaluation(
        id=EvaluationId("imagined"),
        source_id=source.id,
        generation=next_generation(source, launchers),
        evidence=Evidence.PUSH,
        delivery_ids=(),
        judgement=judgement,
        commit=looked.head.commit,
        ref=looked.head.ref,
        previous=source.seen.fingerprint if source.seen else None,
        fingerprint=None,
        kind=None,
        started_at=now,
        completed_at=now,
    )
    found = looked.found
    if isinstance(found, Definition):
        return replace(blank, fingerprint=found.fingerprint, kind=found.kind)
    return blank
