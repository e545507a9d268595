"""Commands of users that add, change, move and remove launchers."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from service.domain.building.build import BuildEvent, EnvironmentId
from service.domain.launcher import (
    Launcher,
    LauncherId,
)
from service.domain.rights.caller import ProjectId
from service.domain.rights.decision import Subject, missing
from service.domain.source import Source
from service.errors import ConflictError, InvalidRequestError, NotFoundError
from service.ports.builder import BuilderIdentity
from service.ports.store import Store, Transaction
from service.ports.time import Clock, Ids
from service.usecases.environments.changer import EnvironmentChanger
from service.usecases.environments.changes import (
    decide_environment,
    start_from_global,
    start_from_image,
)
from service.usecases.environments.code import CodeEnvironments
from service.usecases.launcher_commands import (
    LauncherChange,
    NewImage,
    NewLauncher,
    UseGlobal,
    change_settings,
)
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.repository_access import (
    CheckReadable,
    RepositoryAccess,
    project_lock,
    trust_any,
)
from service.usecases.updates.lock_launcher import lock_launcher

__all__ = ["Guard", "LauncherEditor"]

Guard = Callable[[Transaction, Launcher], Awaitable[None]]
"""Raises where a launcher is not as the caller believes it to be."""


async def _accept(tx: Transaction, launcher: Launcher) -> None:
    del tx, launcher


class LauncherEditor:
    """Add, change, move and remove launchers, and request the builds this needs.

    The application makes one for each process that serves the REST API; it holds no
    state. Each method is one transaction: what it requests is in the outbox of it.

    Args:
        store: The database.
        builder: Knows which frontends it supports.
        clock: The current time.
        ids: Generates ids.
        events: Adds events to the outbox.
        rebuilds: Requests and ends rebuilds.
        allow_files: Whether `file://` repositories may be tracked.
        access: Decides what repositories are read with.
        check_readable: Asks for a repository before something is built from it.
    """

    def __init__(
        self,
        *,
        store: Store,
        builder: BuilderIdentity,
        clock: Clock,
        ids: Ids,
        events: EventRecorder,
        rebuilds: RebuildRequester,
        allow_files: bool,
        access: RepositoryAccess,
        check_readable: CheckReadable = trust_any,
    ) -> None:
        self._check_readable = check_readable
        self._store = store
        self._clock = clock
        self._ids = ids
        self._events = events
        self._rebuilds = rebuilds
        self._code = CodeEnvironments(
            builder=builder,
            clock=clock,
            ids=ids,
            allow_files=allow_files,
            access=access,
        )
        self._changer = EnvironmentChanger(code=self._code, ids=ids, rebuilds=rebuilds)

    async def add(self, new: NewLauncher) -> tuple[Launcher, Source | None]:
        """Add a launcher, and request its first build if it is from code.

        Raises:
            NotFoundError: There is no such project or global environment.
            InvalidRequestError: What is asked for cannot be built, the repository's URL
                is invalid or not allowed, it cannot be read, or the global environment
                is archived.
            ConflictError: Another launcher of the project has the name.
        """
        project = ProjectId(new.project_id)
        if new.environment is None:
            self._code.check_request(new)
            # Before the transaction: a forge may take seconds.
            await self._check_readable(project, new.repository, may_grant=new.may_grant)
        # Under the lock of the project: a link that is withdrawn at this moment would
        # otherwise leave the new launcher what it gave.
        async with self._store.transaction(project_lock(new.project_id)) as tx:
            await _expect_project(tx, project)
            launcher = self._new_launcher(new)
            source: Source | None = None
            match new.environment:
                case None:
                    launcher, source = await self._code.start_from_code(
                        tx, launcher, new
                    )
                case NewImage() as image:
                    launcher = start_from_image(launcher, image)
                case UseGlobal(id=environment):
                    chosen = await tx.environments.get(environment)
                    if chosen.is_archived:
                        raise InvalidRequestError(
                            "Cannot create a new session launcher with an archived "
                            "environment."
                        )
                    launcher = start_from_global(launcher, chosen.id)
            await _take_name(tx, launcher)
            await tx.launchers.add(launcher)
            if source is not None:
                await self._rebuilds.request_first(tx, launcher, source)
        return launcher, source

    def _new_launcher(self, new: NewLauncher) -> Launcher:
        return Launcher(
            id=LauncherId(self._ids.new()),
            project_id=new.project_id,
            name=new.name,
            environment_id=EnvironmentId(self._ids.new()),
            source_id=None,
            builder="",
            frontend="",
            platform="",
            environment_name=new.name,
            environment_description=f"Generated environment for {new.name}",
            policy=new.policy,
            schedule=new.schedule,
            created_at=self._clock.now(),
            description=new.description or None,
            launcher_type=new.launcher_type,
            resource_class_id=new.resource_class_id,
            disk_storage=new.disk_storage,
            env_variables=new.env_variables or None,
            settings=new.settings,
            command=new.command,
            args=new.args,
        )

    async def change(
        self, launcher_id: LauncherId, change: LauncherChange, guard: Guard = _accept
    ) -> tuple[Launcher, Source | None]:
        """Change a launcher; changed build parameters request a build at once.

        A changed policy is reconciled at once, too: a launcher that is behind, and that
        the new policy updates, gets a rebuild.

        Raises:
            NotFoundError: There is no such launcher or global environment.
            ConflictError: A concurrent request changes it, the guard found it changed,
                or another launcher of the project has the new name.
            InvalidRequestError: What is asked for cannot be built, the repository's URL
                is invalid or not allowed, it cannot be read, or the change does not fit
                its environment.
        """
        await self._check_changed(launcher_id, change)
        # Under the locks of evaluation and schedule: a change of the source while an
        # evaluation plans would give the launcher a rebuild of the source it just left.
        async with lock_launcher(self._store, launcher_id) as (tx, before):
            await guard(tx, before)
            launcher, source = await self._changer.change(tx, before, change)
            launcher = change_settings(launcher, change)
            if launcher.name != before.name:
                await _take_name(tx, launcher)
            await tx.launchers.save(launcher)
            if launcher.image != before.image:
                await tx.launchers.start_from(launcher_id, launcher.image)
            if source is not None and launcher.policy is not before.policy:
                await self._rebuilds.reconcile(tx, launcher, source)
            return await tx.launchers.get(launcher_id), source

    async def _check_changed(
        self, launcher_id: LauncherId, change: LauncherChange
    ) -> None:
        """Check that another repository can be read; before the transaction, too."""
        if change.repository is None:
            return
        async with self._store.reading() as tx:
            before = await tx.launchers.get(launcher_id)
        decide_environment(before, change)
        # Pages send all build parameters back.
        if change.repository != before.repository:
            self._code.parse_repository(change.repository)
            project = ProjectId(before.project_id)
            await self._check_readable(
                project, change.repository, may_grant=change.may_grant
            )

    async def settle_access(self, launcher_id: LauncherId) -> None:
        """Have a launcher read as the links of its project allow now; gone is fine.

        Raises:
            ConflictError: A concurrent request changes it.
        """
        with suppress(NotFoundError):
            async with lock_launcher(self._store, launcher_id) as (tx, before):
                launcher = await self._changer.settle_access(tx, before)
                if launcher != before:
                    await tx.launchers.save(launcher)

    async def remove(self, launcher_id: LauncherId, guard: Guard = _accept) -> None:
        """Remove a launcher and cancel its rebuilds; history and images stay.

        One that is gone already stays so, as in Renku.

        Raises:
            ConflictError: A concurrent request changes it, or the guard found it
                changed.
        """
        with suppress(NotFoundError):
            async with lock_launcher(self._store, launcher_id) as (tx, launcher):
                await guard(tx, launcher)
                await self._rebuilds.end_unfinished(
                    tx, launcher.environment_id, BuildEvent.CANCEL
                )
                await tx.launchers.remove(launcher_id)

    async def accept_image(self, launcher_id: LauncherId) -> Launcher:
        """Move a launcher to the image that it was offered.

        Raises:
            NotFoundError: There is no such launcher.
            ConflictError: It has no offer, or it has moved to a newer image meanwhile.
        """
        async with self._store.transaction() as tx:
            launcher = await tx.launchers.get(launcher_id)
            image, key = launcher.available_image, launcher.available_key
            if image is None or key is None or not launcher.has_offer:
                raise ConflictError(
                    f"Session launcher with id '{launcher_id}' has no available image "
                    "to move to."
                )
            generation = launcher.available_generation
            # Compare-and-set again: a newer image may have been rolled out since the
            # page with the offer was shown.
            if await tx.launchers.roll_out(
                launcher_id, image=image, key=key, generation=generation
            ):
                await self._events.moved(
                    tx, launcher, image=image, generation=generation
                )
            return await tx.launchers.get(launcher_id)


async def _expect_project(tx: Transaction, project: ProjectId) -> None:
    if not await tx.projects.memberships([project], None):
        raise missing(Subject.PROJECT, project)


async def _take_name(tx: Transaction, launcher: Launcher) -> None:
    if await tx.launchers.reserve_name(launcher):
        return
    same_name = await tx.launchers.list(project=launcher.project_id, name=launcher.name)
    others = [other for other in same_name if other.id != launcher.id]
    which = ""
    if others:
        which = f", {others[0].id}{await _what_it_follows(tx, others[0])}"
    raise ConflictError(
        f"There is a session launcher {launcher.name!r} in this project already"
        f"{which}; choose another name.",
        field="name",
    )


async def _what_it_follows(tx: Transaction, launcher: Launcher) -> str:
    if launcher.source_id is None:
        return ""
    source = await tx.sources.get(launcher.source_id)
    revision = source.revision.to_text() or "the default branch"
    return f", which follows {revision} of {source.repository.url}"
