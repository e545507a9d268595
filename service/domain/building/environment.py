"""Environments that sessions start from, and how sessions run in them."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from typing import Final, Self

from service.domain.building.build import EnvironmentId

__all__ = [
    "READY_IMAGE",
    "USUAL",
    "EnvironmentKind",
    "GlobalEnvironment",
    "SessionSettings",
    "settings_from_code",
]


class EnvironmentKind(Enum):
    """Where the image of an environment comes from."""

    CODE = "code"
    """Built here, from a repository."""
    IMAGE = "image"
    """Made elsewhere, or built here once: a person names it."""
    GLOBAL = "global"
    """Of an environment that many launchers share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How sessions run in an environment; None is what is usual for its kind."""

    default_url: str | None = None
    port: int | None = None
    uid: int | None = None
    gid: int | None = None
    working_directory: str | None = None
    """Absolute; None stays None for a ready image, which has one of its own."""
    mount_directory: str | None = None
    strip_path_prefix: bool | None = None

    def completed_by(self, usual: Self) -> Self:
        """Return the settings with what is not set taken from others."""
        missing = {
            field.name: getattr(usual, field.name)
            for field in fields(self)
            if getattr(self, field.name) is None
        }
        return replace(self, **missing)


USUAL: Final = SessionSettings()
"""Nothing is set."""

_PORT_FROM_CODE: Final = 8888
_USER: Final = 1000
_FOLDER: Final = "/home/renku/work"

READY_IMAGE: Final = SessionSettings(
    default_url="/lab", port=8080, uid=_USER, gid=_USER, strip_path_prefix=False
)
"""What Renku takes for an image unless something else is set (`EnvironmentPost`)."""


def settings_from_code(frontend: str) -> SessionSettings:
    """Return what Renku sets for an image with a frontend that it built.

    `BUILD_ENVIRONMENT_CONFIGS` of
    https://github.com/SwissDataScienceCenter/renku-data-services
    """
    return SessionSettings(
        default_url="/lab" if frontend == "jupyterlab" else "/",
        port=_PORT_FROM_CODE,
        uid=_USER,
        gid=_USER,
        working_directory=_FOLDER,
        mount_directory=_FOLDER,
        strip_path_prefix=frontend == "rstudio",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalEnvironment:
    """An environment with a ready image, offered to the launchers of all projects."""

    id: EnvironmentId
    name: str
    description: str | None = None
    image: str
    settings: SessionSettings = USUAL
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    is_archived: bool = False
    """No new launcher may take it; those that have it keep it."""
    created_at: datetime
