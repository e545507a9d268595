"""Mirror the launchers of an upstream Renku, so that everything else works on them.

Renku decides what there is: name, repository, parameters, image. What it does not know
(policy, schedule, pin, pause) is kept here and stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from service.domain.building.build import BuildEvent
from service.domain.building.environment import EnvironmentKind
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.rights.caller import ProjectId
from service.domain.source import Revision
from service.errors import ConflictError, InvalidRequestError, NotFoundError
from service.ports.store import Cursor, PageRequest, Store, UpstreamEnvironment
from service.ports.upstream import UpstreamLauncher
from service.usecases.environments.changer import EnvironmentChanger
from service.usecases.environments.code import CodeEnvironments
from service.usecases.launcher_commands import LauncherChange, NewLauncher
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.repository_access import project_lock
from service.usecases.updates.lock_launcher import lock_launcher
from service.usecases.upstream.absences import Absences
from service.usecases.upstream.parameters import ParameterHistory

__all__ = ["LauncherMirror"]

log = structlog.get_logger(__name__)

_PAGE: Final = 200


# One, in the process that leads: two would add the same launcher twice.
class LauncherMirror:
    """Bring rows of launchers to the state that Renku reports.

    Args:
        store: Holds the rows.
        parameters: Writes down since when environments have their parameters.
        code: Checks what can be built, and finds the sources of it.
        changer: Changes what a launcher follows.
        rebuilds: Ends the rebuilds of launchers that are gone.
        events: Requests evaluations.
    """

    def __init__(
        self,
        *,
        store: Store,
        parameters: ParameterHistory,
        code: CodeEnvironments,
        changer: EnvironmentChanger,
        rebuilds: RebuildRequester,
        events: EventRecorder,
    ) -> None:
        self._store = store
        self._parameters = parameters
        self._code = code
        self._changer = changer
        self._rebuilds = rebuilds
        self._events = events
        self._absences = Absences[LauncherId]()
        self._skipped: dict[LauncherId, str] = {}
        """Why launchers are not mirrored; each reason is logged once."""

    async def known(self, project: ProjectId) -> Mapping[LauncherId, Launcher]:
        """Return the rows of a project's launchers.

        To be read before Renku is asked: what has changed here since is newer than its
        answer.
        """
        launchers: dict[LauncherId, Launcher] = {}
        page = PageRequest(limit=_PAGE)
        while True:
            async with self._store.reading() as tx:
                found = await tx.launchers.list(page, project=project)
            launchers |= {launcher.id: launcher for launcher in found}
            if len(found) < _PAGE:
                return launchers
            last = found.items[-1]
            page = PageRequest(
                limit=_PAGE, after=Cursor(at=last.created_at, id=last.id)
            )

    async def mirror_launchers(
        self,
        project: ProjectId,
        known: Mapping[LauncherId, Launcher],
        given: Sequence[UpstreamLauncher],
    ) -> None:
        """Add, change and remove launchers of a project until they are as given.

        Args:
            project: The project.
            known: What `known` returned before Renku was asked.
            given: All launchers of the project that are built from code.
        """
        environments = await self._parameters.known(project)
        for launcher in given:
            # One that cannot be built here must not keep the others from being seen.
            try:
                await self._mirror(
                    known.get(launcher.id),
                    launcher,
                    environments.get(launcher.environment_id),
                )
            except InvalidRequestError as exc:
                self._skip(launcher.id, str(exc))
            except ConflictError as exc:
                log.info("launcher mirrored later", id=launcher.id, error=str(exc))
            else:
                self._skipped.pop(launcher.id, None)
        absent = known.keys() - {launcher.id for launcher in given}
        await self._remove(self._absences.confirm(project, absent))
        await self._parameters.forget(
            project,
            environments.keys() - {launcher.environment_id for launcher in given},
        )

    def _skip(self, launcher: LauncherId, why: str) -> None:
        if self._skipped.get(launcher) != why:
            self._skipped[launcher] = why
            log.warning("launcher not followed", launcher=launcher, error=why)

    async def _mirror(
        self,
        before: Launcher | None,
        given: UpstreamLauncher,
        known: UpstreamEnvironment | None,
    ) -> None:
        if before is not None and before.environment_id != given.environment_id:
            # Renku gives a launcher another one when it was made global and back.
            await self._remove([before.id])
            before = None
        change = None if before is None else await self._change(before, given)
        # Before anything is requested for the new parameters, and also where they
        # cannot be built here: a build of them must not be taken for one of others.
        await self._parameters.note(given, known, was_here=before is not None)
        if ".." in given.context_dir.split("/"):
            raise InvalidRequestError(
                f"context_dir {given.context_dir!r} holds ..; expected a folder inside "
                "the repository"
            )
        if before is None:
            await self._add(given)
            return
        # Compared first: a round that changes nothing takes no locks, which would stop
        # evaluations of as many sources every minute.
        if change is not None or before.name != given.name:
            await self._apply(before.id, given, change or LauncherChange())
        if before.image != given.image and given.image is not None:
            await self._note_image(before, given.image)

    async def _add(self, given: UpstreamLauncher) -> None:
        async with self._store.transaction(project_lock(given.project_id)) as tx:
            launcher, source = await self._code.start_from_code(
                tx, self._launcher(given), _to_command(given)
            )
            # Renku keeps no names unique; ours that is second goes without a claim.
            await tx.launchers.reserve_name(launcher)
            await tx.launchers.add(replace(launcher, image=given.image))
            # An evaluation and no rebuild: it finds out whether there is anything to
            # build, and a launcher that has its image is left as it is.
            await self._events.request_evaluation(tx, source, trigger="launcher")
        log.info("launcher found in Renku", launcher=given.id, source=source.id)

    def _launcher(self, given: UpstreamLauncher) -> Launcher:
        return Launcher(
            id=given.id,
            project_id=given.project_id,
            name=given.name,
            environment_id=given.environment_id,
            source_id=None,
            builder="",
            frontend="",
            platform="",
            kind=EnvironmentKind.CODE,
            environment_name=given.name,
            policy=UpdatePolicy.AUTOMATIC,
            created_at=given.created_at,
            description=given.description,
            launcher_type=given.launcher_type,
            resource_class_id=given.resource_class_id,
        )

    async def _change(
        self, before: Launcher, given: UpstreamLauncher
    ) -> LauncherChange | None:
        """Return how a launcher is built otherwise than before; None if it is not."""
        if before.source_id is not None:
            async with self._store.reading() as tx:
                source = await tx.sources.get(before.source_id)
            present = (
                before.repository,
                source.revision,
                source.context_dir,
                before.builder,
                before.frontend,
                before.platform,
            )
            wanted = (
                given.repository,
                Revision.from_text(given.revision),
                given.context_dir,
                given.builder,
                given.frontend,
                given.platform,
            )
            if present == wanted:
                return None
        return LauncherChange(
            repository=given.repository,
            revision=given.revision,
            context_dir=given.context_dir,
            builder=given.builder,
            frontend=given.frontend,
            platform=given.platform,
        )

    async def _apply(
        self, launcher_id: LauncherId, given: UpstreamLauncher, change: LauncherChange
    ) -> None:
        with suppress(NotFoundError):
            async with lock_launcher(self._store, launcher_id) as (tx, before):
                launcher = before
                # Like an edit on the page: it requests a build, as Renku by itself
                # builds nothing when parameters change.
                if change != LauncherChange():
                    launcher, _ = await self._changer.change(tx, before, change)
                launcher = replace(
                    launcher, name=given.name, environment_name=given.name
                )
                await tx.launchers.reserve_name(launcher)
                await tx.launchers.save(launcher)

    async def _note_image(self, before: Launcher, image: str) -> None:
        """Take over an image that a person had built in Renku."""
        with suppress(NotFoundError):
            async with lock_launcher(self._store, before.id) as (tx, launcher):
                # What was built for us meanwhile is newer than Renku's answer, and the
                # end of what is being built decides which image it is.
                is_busy = await tx.rebuilds.unfinished(
                    environment=launcher.environment_id
                )
                if launcher.image == before.image and not is_busy:
                    await tx.launchers.start_from(launcher.id, image)
                    log.info("image built in Renku", launcher=launcher.id, image=image)

    async def _remove(self, gone: Iterable[LauncherId]) -> None:
        for launcher_id in gone:
            with suppress(NotFoundError, ConflictError):
                async with lock_launcher(self._store, launcher_id) as (tx, launcher):
                    # Cancelled and not forgotten: the scheduler then stops what runs.
                    await self._rebuilds.end_unfinished(
                        tx, launcher.environment_id, BuildEvent.CANCEL
                    )
                    await tx.launchers.remove(launcher_id)
                    log.info("launcher gone from Renku", launcher=launcher_id)


def _to_command(given: UpstreamLauncher) -> NewLauncher:
    return NewLauncher(
        name=given.name,
        project_id=given.project_id,
        repository=given.repository,
        revision=given.revision,
        context_dir=given.context_dir,
        builder=given.builder,
        frontend=given.frontend,
        platform=given.platform,
    )
