"""Environments that are built from code: what can be built, and from which source."""

from dataclasses import replace

from service.domain.building.environment import EnvironmentKind
from service.domain.launcher import Launcher, check_frontend
from service.domain.repository import Repository
from service.domain.rights.caller import ProjectId
from service.domain.source import Revision, Source, SourceId
from service.errors import InvalidRequestError
from service.ports.builder import BuilderIdentity
from service.ports.store import Transaction
from service.ports.time import Clock, Ids
from service.usecases.environments.build_options import BuildOptions
from service.usecases.environments.changes import without_image
from service.usecases.launcher_commands import LauncherChange, NewLauncher
from service.usecases.rights.repository_access import (
    RepositoryAccess,
    named_repository,
)

__all__ = ["CodeEnvironments"]


class CodeEnvironments:
    """Check what is to be built, and find the sources of it.

    Args:
        builder: Knows which frontends it supports.
        clock: The current time.
        ids: Generates ids.
        allow_files: Whether `file://` repositories may be tracked.
        access: Decides what repositories are read with.
    """

    def __init__(
        self,
        *,
        builder: BuilderIdentity,
        clock: Clock,
        ids: Ids,
        allow_files: bool,
        access: RepositoryAccess,
    ) -> None:
        self._builder = builder
        self._access = access
        self._clock = clock
        self._ids = ids
        self._allow_files = allow_files

    async def start_from_code(
        self, tx: Transaction, launcher: Launcher, given: NewLauncher
    ) -> tuple[Launcher, Source]:
        """Return a launcher that is built from code, and its source."""
        self.check_buildable(given.builder, given.frontend, given.platform)
        wanted = Source(
            id=SourceId(self._ids.new()),
            repository=self.parse_repository(given.repository),
            revision=Revision.from_text(given.revision),
            context_dir=given.context_dir,
            access=await self._access.link(
                tx,
                ProjectId(launcher.project_id),
                given.repository,
                may_grant=given.may_grant,
            ),
            created_at=self._clock.now(),
        )
        source = await tx.sources.find_or_add(wanted)
        launcher = replace(
            without_image(launcher),
            kind=EnvironmentKind.CODE,
            source_id=source.id,
            repository=given.repository,
            builder=given.builder,
            frontend=given.frontend,
            platform=given.platform,
        )
        return launcher, source

    def check_request(self, given: NewLauncher) -> None:
        """Check what can be said of a new launcher without asking anybody.

        Raises:
            InvalidRequestError: It cannot be built, or from no such repository.
        """
        self.check_buildable(given.builder, given.frontend, given.platform)
        self.parse_repository(given.repository)

    def check_buildable(self, builder: str, frontend: str, platform: str) -> None:
        """Check that this installation builds a pair of builder and frontend.

        Raises:
            InvalidRequestError: It does not, there is no such pair, or it builds for
                other platforms.
        """
        check_frontend(builder, frontend)
        made = BuildOptions.of(self._builder)
        if builder not in made.builders:
            raise InvalidRequestError(
                f"Invalid value for the field 'builder_variant': {builder}: this "
                "installation reads definitions of Python environments and no "
                "renv.lock, so it could not be built. Valid values are "
                f"{list(made.builders)}"
            )
        if frontend not in made.frontends:
            raise InvalidRequestError(
                f"the frontend {frontend!r} is not made by the builder of this "
                f"installation; it makes {', '.join(made.frontends)}",
                field="frontend",
            )
        if platform not in made.platforms:
            raise InvalidRequestError(
                f"Invalid value for the field 'platforms': {platform}: this "
                "installation builds no images for it, so it could not be built. Valid "
                f"values are {list(made.platforms)}"
            )

    def parse_repository(self, url: str) -> Repository:
        """Parse the URL of a repository that may be followed here.

        Raises:
            InvalidRequestError: It is no such URL.
        """
        repository = Repository.from_url(url)
        if repository.is_folder and not self._allow_files:
            raise InvalidRequestError(
                f"repository {url[:200]!r}: repositories on this machine may not be "
                "followed here; expected https:// or http://",
                field="repository",
            )
        return repository

    async def change_source(
        self,
        tx: Transaction,
        launcher: Launcher,
        source: Source,
        change: LauncherChange,
    ) -> Source:
        """Return the source to track: the same one when nothing of it changes.

        A repository that is another one is linked to the launcher's project, whose lock
        the caller holds.
        """
        changed = await self._change_repository(tx, launcher, source, change)
        if change.revision is not None:
            changed = replace(changed, revision=Revision.from_text(change.revision))
        if change.context_dir is not None:
            changed = replace(changed, context_dir=change.context_dir)
        return source if changed == source else self._unseen(changed)

    async def _change_repository(
        self,
        tx: Transaction,
        launcher: Launcher,
        source: Source,
        change: LauncherChange,
    ) -> Source:
        if change.repository is None:
            return await self.settle_access(tx, launcher, source)
        named = self.parse_repository(change.repository)
        # Pages send all build parameters back: naming the same repository again grants
        # nothing, whoever does it.
        if source.repository.is_same(named):
            return await self.settle_access(tx, launcher, source)
        access = await self._access.link(
            tx,
            ProjectId(launcher.project_id),
            change.repository,
            may_grant=change.may_grant,
        )
        return replace(source, repository=named, access=access)

    async def settle_access(
        self, tx: Transaction, launcher: Launcher, source: Source
    ) -> Source:
        """Return what a launcher tracks by the present links of its project."""
        named = named_repository(launcher, source)
        project = ProjectId(launcher.project_id)
        access = await self._access.current(tx, project, named)
        if access is None or access is source.access:
            return source
        # Read by its number, a repository is found under any name; without credentials
        # by its name only.
        return self._unseen(replace(source, access=access, repository=named))

    def _unseen(self, source: Source) -> Source:
        return replace(
            source,
            id=SourceId(self._ids.new()),
            generation=0,
            seen=None,
            created_at=self._clock.now(),
        )
