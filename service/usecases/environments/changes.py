"""What a change of a launcher's environment means: an edit, or another environment.

The rules and the sentences are Renku's (`validate_session_launcher_patch` of
https://github.com/SwissDataScienceCenter/renku-data-services), but for two: an
environment from code may be edited without naming build parameters, and an image may
take the place of code without `environment_kind`, which cannot mean anything else.
"""

from dataclasses import fields, replace
from typing import Any, Final

from service.domain.building.build import EnvironmentId
from service.domain.building.environment import USUAL, EnvironmentKind, SessionSettings
from service.domain.launcher import Launcher
from service.errors import InvalidRequestError
from service.usecases.launcher_commands import (
    EnvironmentChange,
    LauncherChange,
    NewImage,
    UseGlobal,
)

__all__ = [
    "FromCode",
    "decide_environment",
    "edit_environment",
    "settings_with",
    "start_from_global",
    "start_from_image",
    "without_image",
]

_FIELDS: Final = "There are errors in the following fields, "


class FromCode:
    """Another environment, built from code."""


def decide_environment(
    launcher: Launcher, change: LauncherChange
) -> UseGlobal | NewImage | FromCode | None:
    """Return the other environment that a change asks for; None for an edit.

    Raises:
        InvalidRequestError: It fits neither the present environment nor another one.
    """
    patch = change.environment
    if patch is None:
        return None
    if patch.id is not None:
        return UseGlobal(id=patch.id)
    if patch.kind == "GLOBAL":
        raise _wrong("environment.id", "Input should be a valid string")
    match launcher.kind:
        case EnvironmentKind.GLOBAL:
            return _instead_of_global(patch)
        case EnvironmentKind.IMAGE:
            return _instead_of_image(patch)
        case EnvironmentKind.CODE:
            return _instead_of_code(launcher, patch)


def _instead_of_global(patch: EnvironmentChange) -> NewImage | FromCode:
    if patch.kind is None:
        raise _wrong("environment.environment_kind", "Input should be 'custom'")
    if patch.source == "build":
        return FromCode()
    return _new_image(patch, name=None)


def _instead_of_image(patch: EnvironmentChange) -> FromCode | None:
    if patch.source == "build":
        if not patch.has_build_parameters:
            raise _wrong("environment.build_parameters", "Must be set")
        return FromCode()
    if patch.has_build_parameters:
        raise _wrong("environment.build_parameters", "Must be null")
    return None


def _instead_of_code(launcher: Launcher, patch: EnvironmentChange) -> NewImage | None:
    if patch.source == "image":
        if patch.has_build_parameters:
            raise _wrong("environment.build_parameters", "Must be null")
        return _new_image(patch, name=launcher.environment_name or launcher.name)
    if patch.source == "build" and not patch.has_build_parameters:
        raise _wrong("environment.build_parameters", "Must be set")
    if patch.image is not None:
        raise _wrong(
            "environment.container_image",
            "Is what was built; expected environment_image_source 'image' with it",
        )
    return None


def _new_image(patch: EnvironmentChange, *, name: str | None) -> NewImage:
    name = patch.name or name
    if name is None or patch.image is None:
        missing = {"name": name, "container_image": patch.image}
        problems = [
            f"{key}: Field required" for key, value in missing.items() if not value
        ]
        raise InvalidRequestError(_FIELDS + ", ".join(problems))
    return NewImage(
        name=name,
        description=patch.description,
        image=patch.image,
        settings=settings_with(USUAL, patch),
        command=patch.command or (),
        args=patch.args or (),
    )


def without_image(launcher: Launcher) -> Launcher:
    """Return a launcher that has no image, and wants none yet."""
    return replace(
        launcher,
        global_environment_id=None,
        image=None,
        wanted_key=None,
        wanted_builder=None,
        held_key=None,
        held_until=None,
    )


def _not_from_code(launcher: Launcher) -> Launcher:
    return replace(
        without_image(launcher),
        source_id=None,
        repository=None,
        builder="",
        frontend="",
        platform="",
    )


def start_from_image(launcher: Launcher, new: NewImage) -> Launcher:
    """Return a launcher that starts from an image of its own."""
    return replace(
        _not_from_code(launcher),
        kind=EnvironmentKind.IMAGE,
        environment_name=new.name,
        environment_description=new.description,
        image=new.image,
        settings=new.settings,
        command=new.command,
        args=new.args,
        is_archived=False,
    )


def start_from_global(launcher: Launcher, environment: EnvironmentId) -> Launcher:
    """Return a launcher that starts from a global environment, as that is then."""
    return replace(
        _not_from_code(launcher),
        kind=EnvironmentKind.GLOBAL,
        global_environment_id=environment,
        settings=USUAL,
        command=(),
        args=(),
    )


def edit_environment(launcher: Launcher, patch: EnvironmentChange) -> Launcher:
    """Return the launcher with its own environment edited, its image too."""
    changes = {
        "environment_name": patch.name,
        "environment_description": patch.description,
        "command": patch.command,
        "args": patch.args,
        "is_archived": patch.is_archived,
        "image": patch.image,
    }
    given: dict[str, Any] = {
        name: value for name, value in changes.items() if value is not None
    }
    return replace(launcher, settings=settings_with(launcher.settings, patch), **given)


def settings_with(
    settings: SessionSettings, patch: EnvironmentChange
) -> SessionSettings:
    """Return settings with the changed ones."""
    known = {each.name for each in fields(SessionSettings)}
    changed: dict[str, Any] = {
        name: value for name, value in patch.settings.items() if name in known
    }
    return replace(settings, **changed)


def _wrong(field: str, problem: str) -> InvalidRequestError:
    return InvalidRequestError(f"{_FIELDS}{field}: {problem}")
