"""Environments of launchers and of all, as Renku reports them."""

from datetime import datetime
from typing import ClassVar, Final, Literal

from pydantic import Field

from handlers.api.schemas.models import ResponseModel
from service.domain.building.environment import (
    READY_IMAGE,
    EnvironmentKind,
    GlobalEnvironment,
    SessionSettings,
    settings_from_code,
)
from service.domain.launcher import Launcher
from service.domain.source import Source

__all__ = ["NOT_BUILT", "BuildParameters", "Environment", "LauncherEnvironment"]

NOT_BUILT: Final = "image:unknown-at-the-moment"
"""Renku's word for an image that does not exist yet."""


class BuildParameters(ResponseModel):
    """How an environment is made."""

    repository: str
    builder_variant: str
    frontend_variant: str
    platforms: tuple[str, ...]
    repository_revision: str | None = None
    context_dir: str | None = None


class Environment(ResponseModel):
    """What sessions start from."""

    has_etag: ClassVar[bool] = True

    id: str
    name: str
    creation_date: datetime
    description: str | None = None
    container_image: str = Field(
        description=f"`{NOT_BUILT}` until the first build from code succeeded."
    )
    default_url: str
    port: int
    uid: int
    gid: int
    working_directory: str | None = None
    mount_directory: str | None = None
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    is_archived: bool
    strip_path_prefix: bool

    @classmethod
    def of(cls, environment: GlobalEnvironment) -> "Environment":
        """Report a global environment."""
        return Environment.model_validate(_global(environment))


class LauncherEnvironment(Environment):
    """What sessions of a launcher start from."""

    environment_kind: Literal["GLOBAL", "CUSTOM"]
    environment_image_source: Literal["image", "build"]
    build_parameters: BuildParameters | None = Field(
        default=None, description="Of environments from code, and of no others."
    )

    @classmethod
    def of_launcher(
        cls,
        launcher: Launcher,
        source: Source | None,
        shared: GlobalEnvironment | None,
    ) -> "LauncherEnvironment":
        """Report a launcher's environment.

        Args:
            launcher: Whose.
            source: Which it tracks, if its environment is from code.
            shared: The global environment that it takes, if it does.
        """
        kind = "CUSTOM" if shared is None else "GLOBAL"
        facts = _own(launcher) if shared is None else _global(shared)
        return cls.model_validate(
            {
                **facts,
                "environment_kind": kind,
                "environment_image_source": "build" if source else "image",
                "build_parameters": _parameters(launcher, source) if source else None,
            }
        )


def _global(environment: GlobalEnvironment) -> dict[str, object]:
    return {
        "id": environment.id,
        "name": environment.name,
        "creation_date": environment.created_at,
        "description": environment.description,
        "container_image": environment.image,
        "is_archived": environment.is_archived,
        "command": environment.command or None,
        "args": environment.args or None,
        **_settings(environment.settings.completed_by(READY_IMAGE)),
    }


def _own(launcher: Launcher) -> dict[str, object]:
    is_from_code = launcher.kind is EnvironmentKind.CODE
    usual = settings_from_code(launcher.frontend) if is_from_code else READY_IMAGE
    name = launcher.environment_name
    generated = f"Generated environment for {launcher.name}" if name is None else None
    return {
        "id": launcher.environment_id,
        "name": launcher.name if name is None else name,
        "creation_date": launcher.created_at,
        "description": launcher.environment_description or generated,
        "container_image": launcher.image or NOT_BUILT,
        "is_archived": launcher.is_archived,
        "command": launcher.command or None,
        "args": launcher.args or None,
        **_settings(launcher.settings.completed_by(usual)),
    }


def _settings(settings: SessionSettings) -> dict[str, object]:
    return {
        "default_url": settings.default_url,
        "port": settings.port,
        "uid": settings.uid,
        "gid": settings.gid,
        "working_directory": settings.working_directory,
        "mount_directory": settings.mount_directory,
        "strip_path_prefix": settings.strip_path_prefix,
    }


def _parameters(launcher: Launcher, source: Source) -> BuildParameters:
    return BuildParameters(
        repository=launcher.repository or source.repository.url,
        builder_variant=launcher.builder,
        frontend_variant=launcher.frontend,
        platforms=(launcher.platform,),
        repository_revision=source.revision.to_text() or None,
        context_dir=source.context_dir or None,
    )
