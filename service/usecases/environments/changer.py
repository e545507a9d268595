"""Change the environment of a launcher, within a transaction that holds it."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from service.domain.building.build import BuildEvent, EnvironmentId
from service.domain.building.environment import USUAL, EnvironmentKind
from service.domain.launcher import Launcher
from service.domain.source import Source, SourceId
from service.errors import InvalidRequestError, NotFoundError
from service.ports.store import Transaction
from service.ports.time import Ids
from service.usecases.environments.changes import (
    FromCode,
    decide_environment,
    edit_environment,
    start_from_global,
    start_from_image,
)
from service.usecases.environments.code import CodeEnvironments
from service.usecases.launcher_commands import (
    LauncherChange,
    NewImage,
    NewLauncher,
    UseGlobal,
    change_build_parameters,
    is_built_differently,
)
from service.usecases.rebuilds import RebuildRequester

__all__ = ["DEFAULT_PLATFORM", "EnvironmentChanger"]

DEFAULT_PLATFORM: Final = "linux/amd64"
"""Renku's."""


class EnvironmentChanger:
    """Edit an environment, or put another one in its place.

    Args:
        code: Checks what is to be built.
        ids: Generates ids.
        rebuilds: Requests and ends rebuilds.
    """

    def __init__(
        self, *, code: CodeEnvironments, ids: Ids, rebuilds: RebuildRequester
    ) -> None:
        self._code = code
        self._ids = ids
        self._rebuilds = rebuilds

    async def change(
        self, tx: Transaction, before: Launcher, change: LauncherChange
    ) -> tuple[Launcher, Source | None]:
        """Return a launcher with its environment changed, and what it tracks then.

        Raises:
            NotFoundError: There is no such global environment.
            InvalidRequestError: What is asked for cannot be built, or does not fit the
                present environment.
        """
        other = decide_environment(before, change)
        if other is None and before.source_id is not None:
            return await self._edit_code(tx, before, before.source_id, change)
        if other is None:
            patch = change.environment
            return (edit_environment(before, patch) if patch else before), None
        await self._rebuilds.end_unfinished(
            tx, before.environment_id, BuildEvent.CANCEL
        )
        launcher = before
        if before.kind is EnvironmentKind.GLOBAL:
            # Renku makes a new environment, named after its launcher.
            launcher = replace(
                before,
                environment_id=EnvironmentId(self._ids.new()),
                environment_name=before.name,
                environment_description=f"Generated environment for {before.name}",
            )
        match other:
            case NewImage():
                return start_from_image(launcher, other), None
            case UseGlobal(id=environment):
                await _check_global(tx, environment, before.project_id)
                return start_from_global(launcher, environment), None
            case FromCode():
                return await self._replace_by_code(tx, launcher, change)

    async def settle_access(self, tx: Transaction, before: Launcher) -> Launcher:
        """Return a launcher with the source that its project's links give it.

        One that gets another source is built by that, from the beginning.
        """
        if before.source_id is None:
            return before
        source = await tx.sources.get(before.source_id)
        followed = await self._code.settle_access(tx, before, source)
        if followed == source:
            return before
        followed = await tx.sources.find_or_add(followed)
        return await self._rebuild(tx, replace(before, source_id=followed.id), followed)

    async def _replace_by_code(
        self, tx: Transaction, launcher: Launcher, change: LauncherChange
    ) -> tuple[Launcher, Source]:
        required = {
            "builder_variant": change.builder,
            "frontend_variant": change.frontend,
            "repository": change.repository,
        }
        for field, value in required.items():
            if value is None:
                raise InvalidRequestError(f"The field '{field}' is required")
        given = NewLauncher(
            name=launcher.name,
            project_id=launcher.project_id,
            repository=change.repository or "",
            revision=change.revision or "",
            context_dir=change.context_dir or "",
            builder=change.builder or "",
            frontend=change.frontend or "",
            platform=change.platform or DEFAULT_PLATFORM,
            may_grant=change.may_grant,
        )
        launcher, source = await self._code.start_from_code(tx, launcher, given)
        launcher = replace(launcher, settings=USUAL, command=(), args=())
        if change.environment is not None:
            launcher = edit_environment(launcher, change.environment)
        await self._rebuilds.request_first(tx, launcher, source)
        return launcher, source

    async def _edit_code(
        self,
        tx: Transaction,
        before: Launcher,
        source_id: SourceId,
        change: LauncherChange,
    ) -> tuple[Launcher, Source]:
        source = await tx.sources.get(source_id)
        followed = await self._code.change_source(tx, before, source, change)
        if followed != source:
            followed = await tx.sources.find_or_add(followed)
        launcher = replace(before, source_id=followed.id)
        if change.repository is not None:
            launcher = replace(launcher, repository=change.repository)
        launcher = change_build_parameters(launcher, change)
        self._code.check_buildable(
            launcher.builder, launcher.frontend, launcher.platform
        )
        if change.environment is not None:
            launcher = edit_environment(launcher, change.environment)
        if is_built_differently(before, launcher):
            launcher = await self._rebuild(tx, launcher, followed)
        return launcher, followed

    async def _rebuild(
        self, tx: Transaction, launcher: Launcher, source: Source
    ) -> Launcher:
        """Supersede unfinished rebuilds by one with the new parameters."""
        # The wanted key is not known until the source is evaluated again.
        launcher = replace(launcher, wanted_key=None, wanted_builder=None)
        first = await self._rebuilds.request_first(tx, launcher, source)
        await self._rebuilds.end_unfinished(
            tx, launcher.environment_id, BuildEvent.SUPERSEDE, but=[first.id]
        )
        return launcher


async def _check_global(
    tx: Transaction, environment: EnvironmentId, project: str
) -> None:
    try:
        await tx.environments.get(environment)
    except NotFoundError:
        # Renku's answer for the environment of another launcher, or of this one; of
        # other projects it would tell which environments there are.
        with suppress(NotFoundError):
            launcher = await tx.launchers.of_environment(environment)
            if launcher.project_id == project:
                raise InvalidRequestError(
                    "Cannot set the environment for a launcher to an existing "
                    "environment if that existing environment is not global"
                ) from None
        raise
