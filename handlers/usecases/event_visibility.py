"""Which events a caller may follow: those of projects that they may read."""

from collections.abc import Iterable
from typing import Final

from service.domain.building.build import BuildId
from service.domain.evaluation.comparison import EvaluationId, Verdict
from service.domain.rights.caller import Caller, MemberRole
from service.domain.rights.decision import Subject
from service.domain.source import Access, Source, SourceId
from service.errors import NotFoundError, PermanentError
from service.events.envelope import Event, data_of
from service.events.models import (
    BuildFinished,
    BuildStarted,
    BuildWaiting,
    Data,
    EnvironmentEvaluated,
    EvaluationRequested,
    HookUnhealthy,
    LauncherUpdated,
    PushReceived,
    RebuildRequested,
)
from service.ports.store import Store, Transaction
from service.usecases.rights.authorize import Authorizer

__all__ = ["EventFilter"]

_SAMPLES: Final = 50
"""Rebuilds of a shared build whose projects are looked up."""


class EventFilter:
    """Decide which events one listener gets.

    Asked for each event anew, so that a role that is taken away ends what it gave.

    Args:
        store: Knows what belongs to which project.
        authorizer: Decides what the caller may read.
        caller: Who listens.
    """

    def __init__(self, *, store: Store, authorizer: Authorizer, caller: Caller) -> None:
        self._store = store
        self._authorizer = authorizer
        self._caller = caller

    async def limit(self, event: Event) -> Event | None:
        """Return what of an event the caller may see; None for nothing.

        Raises:
            TransientError: The database did not answer.
        """
        if self._caller.filter().is_everything:
            return event
        try:
            data = data_of(event)
        except PermanentError:
            return None
        if data is None:  # of a newer version: nobody knows whose it is
            return None
        async with self._store.reading() as tx:
            view = _EventView(tx, self._authorizer, self._caller)
            if isinstance(data, EvaluationRequested):
                return await _limit_request(view, event, data)
            return event if await view.shows(data) else None


async def _limit_request(
    view: "_EventView", event: Event, data: EvaluationRequested
) -> Event | None:
    """Leave out sources and rebuilds of others: one request may name several."""
    sources = [each for each in data.source_ids if await view.reads_source(each)]
    if not sources:
        return None
    rebuilds = [
        each for each in data.rebuild_ids if await view.has(Subject.BUILD, each)
    ]
    limited = event.data | {"source_ids": sources, "rebuild_ids": rebuilds}
    return event.model_copy(update={"data": limited})


def _named_by(data: Data) -> tuple[Subject, str, MemberRole] | None:
    """Return the one thing that an event is about, and the role that it needs."""
    viewer = MemberRole.VIEWER
    match data:
        case RebuildRequested(launcher_id=str(launcher)):
            return Subject.LAUNCHER, launcher, viewer
        case (
            RebuildRequested(source_id=source) | EnvironmentEvaluated(source_id=source)
        ):
            return Subject.SOURCE, source, viewer
        case LauncherUpdated(project_id=project):
            return Subject.PROJECT, project, viewer
        case HookUnhealthy(hook_id=hook):
            # As hooks themselves: a viewer sees none.
            return Subject.HOOK, hook, MemberRole.EDITOR
        case _:
            return None


class _EventView:
    """What one caller sees within one transaction."""

    def __init__(self, tx: Transaction, authorizer: Authorizer, caller: Caller) -> None:
        self._tx = tx
        self._authorizer = authorizer
        self._caller = caller

    async def has(
        self, subject: Subject, name: str, role: MemberRole = MemberRole.VIEWER
    ) -> bool:
        return await self._authorizer.has_role(
            self._tx, self._caller, role, subject, name
        )

    async def reads_source(self, source: str) -> bool:
        return await self.has(Subject.SOURCE, source)

    async def shows(self, data: Data) -> bool:
        if isinstance(data, PushReceived):
            return await self._shows_push(data)
        if isinstance(data, BuildStarted | BuildWaiting):
            return await self._shows_build(data.build_id)
        if isinstance(data, BuildFinished):
            return await self._shows_end(data)
        named = _named_by(data)
        return named is not None and await self.has(*named)

    async def _shows_push(self, data: PushReceived) -> bool:
        """Return whether the caller reads a source that may know of the push."""
        repository = data.repository.read()
        for source in await self._tx.sources.of_repository(repository):
            is_told = source.repository.is_same(repository) and await _is_read(
                self._tx, source
            )
            if is_told and await self.reads_source(source.id):
                return True
        return False

    async def _shows_build(self, build_id: str) -> bool:
        build = BuildId(build_id)
        samples = await self._tx.rebuilds.samples_of_build(build, limit=_SAMPLES)
        return await self._reads_any(each.launcher_id for each in samples)

    async def _shows_end(self, data: BuildFinished) -> bool:
        if data.evaluation_id is not None and data.rebuild_id is None:
            looked = await self._find_source(data.evaluation_id)
            return looked is not None and await self.reads_source(looked)
        named = [each for each in (data.rebuild_id, *data.rebuild_ids) if each]
        if named:
            return all([await self.has(Subject.BUILD, each) for each in named])
        return data.build_id is not None and await self._shows_build(data.build_id)

    async def _find_source(self, evaluation: str) -> SourceId | None:
        try:
            return (await self._tx.evaluations.get(EvaluationId(evaluation))).source_id
        except NotFoundError:
            return None

    async def _reads_any(self, launchers: Iterable[str]) -> bool:
        for launcher in dict.fromkeys(launchers):
            if await self.has(Subject.LAUNCHER, launcher):
                return True
        return False


async def _is_read(tx: Transaction, source: Source) -> bool:
    """Return whether a source's followers may know of its pushes."""
    if source.access is Access.CREDENTIAL:
        return True
    last = await tx.evaluations.of_source(source.id, limit=1)
    return any(each.comparison.verdict is not Verdict.UNKNOWN for each in last)
