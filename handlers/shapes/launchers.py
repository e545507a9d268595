"""Session launchers, in Renku's shapes, with what Renku lacks beside them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from handlers.shapes.builds import LatestBuild
from handlers.shapes.environments import (
    Environment,
    EnvironmentPatch,
    EnvironmentPost,
)
from handlers.shapes.strict import MAX_INT, Given, Line, Prose, Told, Ulid
from service.domain.launcher import Launcher
from service.domain.source import Source

__all__ = [
    "DEFAULT_PROJECT",
    "EnvVariable",
    "LauncherPatch",
    "LauncherPost",
    "MoveRequest",
    "SessionLauncher",
]

DEFAULT_PROJECT: Final = "0" * 26
"""The project of launchers that name none."""

Policy = Literal["automatic", "notify", "manual"]
LauncherType = Literal["interactive", "non-interactive"]


def _not_reserved(name: str) -> str:
    if name.upper().startswith("RENKU"):
        raise ValueError("begins with RENKU; these names are the platform's")
    return name


def _all_different(
    variables: "tuple[EnvVariable, ...]",
) -> "tuple[EnvVariable, ...]":
    names = [it.name for it in variables]
    if len(set(names)) != len(names):
        raise ValueError("a name is given twice")
    return variables


class EnvVariable(Given):
    """A variable that sessions see."""

    name: Annotated[
        str,
        Field(max_length=256, pattern="^[a-zA-Z_][a-zA-Z0-9_]*$"),
        AfterValidator(_not_reserved),
    ]
    value: Annotated[Prose, Field(max_length=500)] | None = None


Name = Annotated[Line, Field(min_length=1, max_length=99)]
Description = Annotated[Prose, Field(max_length=500)]
ResourceClass = Annotated[int, Field(ge=0, le=MAX_INT)]
Gigabytes = Annotated[int, Field(ge=1, le=MAX_INT)]
EnvVariables = Annotated[
    tuple[EnvVariable, ...], Field(max_length=32), AfterValidator(_all_different)
]


class LauncherPost(Given):
    """A new launcher."""

    name: Name
    project_id: Ulid = DEFAULT_PROJECT
    description: Description | None = None
    resource_class_id: ResourceClass | None = None
    disk_storage: Gigabytes | None = None
    env_variables: EnvVariables | None = None
    launcher_type: LauncherType = "interactive"
    environment: EnvironmentPost
    update_policy: Policy = "automatic"


class LauncherPatch(Given):
    """What is to change in a launcher; what is not sent stays, nulls reset."""

    name: Name | None = None
    description: Description | None = None
    resource_class_id: ResourceClass | None = None
    disk_storage: Gigabytes | None = None
    env_variables: EnvVariables | None = None
    environment: EnvironmentPatch = EnvironmentPatch()
    update_policy: Policy | None = None


class MoveRequest(Given):
    """Which image the launcher is to take."""

    image: Literal["available"]


class SessionLauncher(Told):
    """What people start sessions with."""

    id: str
    project_id: str
    name: str
    creation_date: datetime
    description: str | None = None
    environment: Environment
    resource_class_id: int | None = None
    disk_storage: int | None = None
    env_variables: tuple[EnvVariable, ...] | None = None
    launcher_type: str
    update_policy: Policy
    source_id: str
    generation: int = Field(description="Of the image it starts from; only grows.")
    available_image: str | None = Field(
        default=None,
        description="What its definition asks for now, built, and not taken yet.",
    )
    outdated: bool = Field(description="Its definition asks for another image by now.")

    latest_build: LatestBuild | None = Field(
        default=None, description="How its newest build fares, or ended."
    )

    @classmethod
    def of(
        cls, launcher: Launcher, source: Source, latest: LatestBuild | None = None
    ) -> "SessionLauncher":
        """Tell of a launcher."""
        wanted = launcher.wanted_key
        return cls.model_validate(
            {
                "id": launcher.id,
                "project_id": launcher.project_id,
                "name": launcher.name,
                "creation_date": launcher.created_at,
                "description": launcher.description,
                "environment": Environment.of(launcher, source),
                "resource_class_id": launcher.resource_class_id,
                "disk_storage": launcher.disk_storage,
                "env_variables": _variables(launcher),
                "launcher_type": launcher.launcher_type,
                "update_policy": launcher.policy.value,
                "source_id": launcher.source_id,
                "generation": launcher.generation,
                "available_image": launcher.available_image
                if launcher.has_offer
                else None,
                "latest_build": latest,
                "outdated": wanted is not None and wanted != launcher.image_key,
            }
        )


def _variables(launcher: Launcher) -> Sequence[EnvVariable] | None:
    if launcher.env_variables is None:
        return None
    return [
        EnvVariable.model_construct(name=name, value=value or None)
        for name, value in launcher.env_variables.items()
    ]
