"""What a push would lead to: the real decisions, taken on what is there now."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count

from handlers.api.schemas.simulations import LauncherPreview, SourcePreview
from handlers.api.schemas.sources import FindingResponse, plain_path
from handlers.usecases.behind_reason import behind_reason
from handlers.usecases.explain.report import compared
from service.domain.building.build import Rebuild
from service.domain.building.pause import Pause
from service.domain.definition import Definition
from service.domain.evaluation.comparison import (
    Comparison,
    Evaluation,
    EvaluationId,
    HeadUnchanged,
    Observed,
    RefMissing,
    Verdict,
    compare,
    update_seen,
)
from service.domain.evaluation.plan import (
    Known,
    Planned,
    newest_generation,
    next_generation,
    plan,
)
from service.domain.launcher import Launcher, UpdatePolicy
from service.domain.push import Push, Trigger
from service.domain.reconciliation import RECENT
from service.domain.rights.caller import Caller, MemberRole, ProjectId
from service.domain.source import Access, Source
from service.errors import RemoteRefusedError, TransientError
from service.ports.builder import BuilderIdentity
from service.ports.remote import Remote
from service.ports.sandbox import Sandbox
from service.ports.store import Store, Transaction
from service.ports.time import Clock
from service.usecases.observe import observe
from service.usecases.platform.probe_limit import ProbeLimit
from service.usecases.reconcile import make_spec
from service.usecases.rights.authorize import Authorizer

__all__ = ["PushPreviewer"]


class PushPreviewer:
    """Preview what pushes lead to; write nothing.

    Args:
        store: Where sources and launchers are.
        remote: Reads the heads of sources.
        anonymous_remote: Reads those that are read without credentials.
        sandbox: Where definitions are read.
        builder: Identifies what would build.
        authorizer: Decides which launchers a caller edits.
        clock: Gives the time.
        limit: Bounds what is read at once.
    """

    def __init__(
        self,
        *,
        store: Store,
        remote: Remote,
        anonymous_remote: Remote,
        sandbox: Sandbox,
        builder: BuilderIdentity,
        authorizer: Authorizer,
        clock: Clock,
        limit: ProbeLimit,
    ) -> None:
        self._limit = limit
        self._store = store
        self._remotes = {
            Access.CREDENTIAL: remote,
            Access.ANONYMOUS: anonymous_remote,
        }
        self._sandbox = sandbox
        self._builder = builder
        self._authorizer = authorizer
        self._clock = clock

    async def preview(self, push: Push, caller: Caller) -> tuple[SourcePreview, ...]:
        """Evaluate every source that a push may have moved, as it is now.

        Only those that launchers follow which the caller edits: it takes time.
        """
        async with self._store.reading() as tx:
            candidates = await tx.sources.of_repository(push.repository)
            followers = {
                candidate.id: await self._edited(tx, candidate, caller)
                for candidate in candidates
                if candidate.is_on(push)
            }
        return tuple(
            [
                await self._preview_source(candidate, followers[candidate.id])
                for candidate in candidates
                if followers.get(candidate.id)
            ]
        )

    async def _edited(
        self, tx: Transaction, source: Source, caller: Caller
    ) -> Sequence[Launcher]:
        found = await tx.launchers.of_source(source.id)
        allowed = await self._authorizer.some_of(
            tx,
            caller,
            MemberRole.EDITOR,
            {ProjectId(launcher.project_id) for launcher in found},
        )
        return [
            launcher for launcher in found if ProjectId(launcher.project_id) in allowed
        ]

    async def _preview_source(
        self, source: Source, launchers: Sequence[Launcher]
    ) -> SourcePreview:
        comparison, observed = await self._compare(source)
        found = observed.found if isinstance(observed, Observed) else None
        seen = source.seen.items if source.seen else ()
        return SourcePreview(
            source_id=source.id,
            repository=source.repository.url,
            revision=source.revision.to_text() or None,
            context_dir=source.context_dir or None,
            verdict=comparison.verdict.value,
            reason=comparison.reason,
            message=plain_path(comparison.message),
            commit=observed.head.commit if isinstance(observed, Observed) else None,
            files=compared(seen, found.items) if found else (),
            findings=tuple(FindingResponse.of(finding) for finding in found.findings)
            if found
            else (),
            launchers=await self._preview_launchers(
                source, comparison, observed, launchers
            ),
        )

    async def _compare(
        self, source: Source
    ) -> tuple[Comparison, Observed | HeadUnchanged | RefMissing | None]:
        try:
            async with self._limit.slot(source.repository.host):
                observed = await observe(
                    self._remotes[source.access],
                    source.repository,
                    source.revision,
                    source.context_dir,
                    sandbox=self._sandbox,
                )
        except (RemoteRefusedError, TransientError) as exc:
            reason = "remote_unavailable"
            if isinstance(exc, RemoteRefusedError):
                reason = f"remote_{exc.refusal.value}"
            unknown = Comparison(
                verdict=Verdict.UNKNOWN, reason=reason, message=str(exc)
            )
            return unknown, None
        return compare(source, observed), observed

    async def _preview_launchers(
        self,
        source: Source,
        comparison: Comparison,
        observed: Observed | HeadUnchanged | RefMissing | None,
        launchers: Sequence[Launcher],
    ) -> tuple[LauncherPreview, ...]:
        if not isinstance(observed, Observed) or not isinstance(
            observed.found, Definition
        ):
            return tuple(
                _nothing(launcher, "There is nothing to build.")
                for launcher in launchers
            )
        async with self._store.reading() as tx:
            rebuilds = {
                launcher.environment_id: await tx.rebuilds.of_environment(
                    launcher.environment_id, limit=RECENT
                )
                for launcher in launchers
            }
            pauses = await tx.pauses.of_projects(
                launcher.project_id for launcher in launchers
            )
            known = Known(
                launchers=launchers,
                rebuilds=rebuilds,
                is_pushed=True,
                pause=timedelta(0),
                paused=pauses,
            )
            planned = self._plan(source, comparison, observed, known)
            return tuple(
                [
                    await _launcher(
                        tx,
                        each,
                        rebuilds[each.launcher.environment_id],
                        pauses.get(each.launcher.project_id),
                    )
                    for each in planned
                ]
            )

    def _plan(
        self, source: Source, comparison: Comparison, observed: Observed, known: Known
    ) -> Iterator[Planned]:
        assert isinstance(observed.found, Definition)
        now, ids = self._clock.now(), count()
        then = replace(source, seen=update_seen(source, observed, now))
        return plan(
            _imagined(source, comparison, observed, known.launchers, now),
            observed.found,
            known,
            spec=partial(make_spec, self._builder, source=then),
            new_id=lambda: f"imagined-{next(ids)}",
        )


async def _launcher(
    tx: Transaction, planned: Planned, latest: Sequence[Rebuild], pause: Pause | None
) -> LauncherPreview:
    launcher = planned.launcher
    wanted = next((rebuild.plan for rebuild in planned.rebuilds if rebuild.plan), None)
    if wanted is None:
        # Served, or on its way, where nothing holds it back.
        is_manual = launcher.policy is UpdatePolicy.MANUAL
        return _nothing(
            launcher,
            "Its policy is manual: it waits for a person."
            if is_manual
            else behind_reason(launcher, latest, pause)
            or "It asked for this environment already.",
        )
    image = await tx.builds.image(wanted.key)
    return LauncherPreview(
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


def _nothing(launcher: Launcher, message: str) -> LauncherPreview:
    return LauncherPreview(
        launcher_id=launcher.id, name=launcher.name, action="nothing", message=message
    )


def _imagined(
    source: Source,
    comparison: Comparison,
    observed: Observed,
    launchers: Sequence[Launcher],
    now: datetime,
) -> Evaluation:
    """Return the evaluation that would be recorded of such an observation."""
    blank = Evaluation(
        id=EvaluationId("imagined"),
        source_id=source.id,
        generation=next_generation(source, newest_generation(launchers)),
        trigger=Trigger.PUSH,
        delivery_ids=(),
        comparison=comparison,
        commit=observed.head.commit,
        ref=observed.head.ref,
        previous=source.seen.fingerprint if source.seen else None,
        fingerprint=None,
        kind=None,
        started_at=now,
        completed_at=now,
    )
    found = observed.found
    if isinstance(found, Definition):
        return replace(blank, fingerprint=found.fingerprint, kind=found.kind)
    return blank
