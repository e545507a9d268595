"""What requests for launchers and environments ask the use cases."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from aiohttp import web

from handlers.api.preconditions import check_version
from handlers.api.requests import ulid
from handlers.api.schemas.renku.environments import (
    CodeEnvironmentPost,
    EnvironmentPatch,
    EnvironmentPost,
    GlobalEnvironmentChoice,
    LauncherEnvironmentPatch,
    SettingsPost,
)
from handlers.api.schemas.renku.launchers import (
    EnvVariable,
    SessionLauncherPatch,
    SessionLauncherPost,
)
from handlers.app_keys import BUILD_DESCRIBER
from service.domain.building.build import EnvironmentId
from service.domain.building.environment import SessionSettings
from service.domain.launcher import Launcher, LauncherId
from service.errors import InvalidRequestError
from service.ports.store import Transaction
from service.usecases import launcher_commands as commands
from service.usecases.environments.changer import DEFAULT_PLATFORM
from service.usecases.launcher_commands import UNSET, LauncherChange, NewLauncher
from service.usecases.launchers import Guard

__all__ = [
    "command_to_add",
    "command_to_change",
    "command_to_edit",
    "launcher_id_of",
    "new_image",
    "version_guard",
]

_SETTINGS = frozenset(each.name for each in fields(SessionSettings))


def version_guard(request: web.Request) -> Guard:
    """Return the guard of a change that may be meant for one version of a launcher."""
    describer = request.app[BUILD_DESCRIBER]

    async def guard(tx: Transaction, launcher: Launcher) -> None:
        (shown,) = await describer.describe_session_launchers(tx, [launcher])
        check_version(request, shown)

    return guard


def command_to_add(asked: SessionLauncherPost, *, may_grant: bool) -> NewLauncher:
    """Return the command of a request for a launcher."""
    new = NewLauncher(
        may_grant=may_grant,
        name=asked.name,
        project_id=asked.project_id,
        launcher_type=asked.launcher_type,
        description=asked.description,
        resource_class_id=asked.resource_class_id,
        disk_storage=asked.disk_storage,
        env_variables=_variables(asked.env_variables),
    )
    match asked.environment:
        case CodeEnvironmentPost() as code:
            return _from_code(new, code)
        case GlobalEnvironmentChoice(id=chosen):
            use = commands.UseGlobal(id=_environment_id(chosen))
            return replace(new, environment=use)
        case image:
            return replace(new, environment=new_image(image))


def _from_code(new: NewLauncher, code: CodeEnvironmentPost) -> NewLauncher:
    return replace(
        new,
        repository=code.repository,
        revision=code.repository_revision,
        context_dir=code.context_dir,
        builder=code.builder_variant,
        frontend=code.frontend_variant,
        platform=code.platforms[0] if code.platforms else DEFAULT_PLATFORM,
        settings=_settings(code),
        command=code.command or (),
        args=code.args or (),
    )


def new_image(asked: EnvironmentPost) -> commands.NewImage:
    """Return the environment with a ready image that a request describes."""
    return commands.NewImage(
        name=asked.name,
        description=asked.description,
        image=asked.container_image,
        settings=_settings(asked),
        command=asked.command or (),
        args=asked.args or (),
    )


def _settings(asked: SettingsPost) -> SessionSettings:
    return SessionSettings(**asked.model_dump(include=set(_SETTINGS)))


def command_to_change(
    asked: SessionLauncherPatch, *, may_grant: bool
) -> LauncherChange:
    """Return what a patch changes: nulls that were sent reset, absent fields stay."""
    patch, sent = asked.environment, asked.model_fields_set
    given = (patch and patch.build_parameters) or None
    platforms = given.platforms if given else None
    return LauncherChange(
        may_grant=may_grant,
        environment=_edit(patch) if patch else None,
        repository=given.repository if given else None,
        revision=given.repository_revision if given else None,
        context_dir=given.context_dir if given else None,
        builder=given.builder_variant if given else None,
        frontend=given.frontend_variant if given else None,
        platform=None if platforms is None else (*platforms, DEFAULT_PLATFORM)[0],
        name=asked.name,
        description=asked.description if "description" in sent else UNSET,
        resource_class_id=(
            asked.resource_class_id if "resource_class_id" in sent else UNSET
        ),
        disk_storage=asked.disk_storage if "disk_storage" in sent else UNSET,
        env_variables=(
            _variables(asked.env_variables) if "env_variables" in sent else UNSET
        ),
    )


def _edit(patch: LauncherEnvironmentPatch) -> commands.EnvironmentChange:
    changed = patch.model_dump(exclude_none=True)
    if patch.id is not None and len(changed) > 1:
        others = ", ".join(sorted(set(changed) - {"id"}))
        raise InvalidRequestError(
            "There are errors in the following fields, environment.id: chooses a "
            f"global environment, which {others} cannot change"
        )
    return replace(
        command_to_edit(patch),
        id=_environment_id(patch.id) if patch.id else None,
        kind=patch.environment_kind,
        source=patch.environment_image_source,
        has_build_parameters=patch.build_parameters is not None,
    )


def command_to_edit(
    patch: EnvironmentPatch,
) -> commands.EnvironmentChange:
    """Return what a patch changes in an environment."""
    sent = patch.model_fields_set
    changed = patch.model_dump(include=set(_SETTINGS), exclude_none=True)
    return commands.EnvironmentChange(
        name=patch.name,
        description=patch.description,
        image=patch.container_image,
        # Empty folders reset them, in Renku's document.
        settings={
            name: None if value == "" and name != "default_url" else value
            for name, value in changed.items()
        },
        command=patch.command or () if "command" in sent else None,
        args=patch.args or () if "args" in sent else None,
        is_archived=patch.is_archived,
    )


def _environment_id(text: str) -> EnvironmentId:
    return EnvironmentId(text.upper())


def _variables(
    given: Sequence[EnvVariable] | None,
) -> Mapping[str, str] | None:
    if not given:
        return None
    for variable in given:
        if variable.name.upper().startswith("RENKU"):
            raise InvalidRequestError(
                f"Env variable name '{variable.name}' should not start with 'RENKU'."
            )
    return {variable.name: variable.value or "" for variable in given}


def launcher_id_of(request: web.Request) -> LauncherId:
    """Return the id of the launcher that a path names.

    Raises:
        NotFoundError: It is no ULID, so nothing can have it.
    """
    return LauncherId(ulid(request, "launcher_id", what="Session launcher"))
