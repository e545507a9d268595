"""Session launchers, in Renku's shapes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from handlers.api.schemas.models import (
    MAX_INT,
    Line,
    PatchModel,
    Prose,
    RequestModel,
    ResponseModel,
    Ulid,
)
from handlers.api.schemas.renku.environment_responses import LauncherEnvironment
from handlers.api.schemas.renku.environments import (
    AnyEnvironmentPost,
    LauncherEnvironmentPatch,
)
from service.domain.building.environment import GlobalEnvironment
from service.domain.launcher import Launcher
from service.domain.source import Source

__all__ = [
    "DEFAULT_PROJECT",
    "EnvVariable",
    "SessionLauncher",
    "SessionLauncherPatch",
    "SessionLauncherPost",
]

DEFAULT_PROJECT: Final = "0" * 26
"""The project of launchers that name none."""

LauncherType = Literal["interactive", "non-interactive"]


def _all_different(
    variables: "tuple[EnvVariable, ...]",
) -> "tuple[EnvVariable, ...]":
    names = [variable.name for variable in variables]
    if len(set(names)) != len(names):
        raise ValueError("a name is given twice")
    return variables


class EnvVariable(RequestModel):
    """A variable that sessions see."""

    name: Annotated[
        str,
        Field(max_length=256, pattern="^[a-zA-Z_][a-zA-Z0-9_]*$"),
    ]
    value: Annotated[Prose, Field(max_length=500)] | None = None


Name = Annotated[Line, Field(min_length=1, max_length=99)]
Description = Annotated[Prose, Field(max_length=500)]
ResourceClass = Annotated[int, Field(ge=0, le=MAX_INT)]
Gigabytes = Annotated[int, Field(ge=1, le=MAX_INT)]
EnvVariables = Annotated[
    tuple[EnvVariable, ...], Field(max_length=32), AfterValidator(_all_different)
]


class SessionLauncherPost(RequestModel):
    """A new launcher."""

    name: Name
    project_id: Ulid = DEFAULT_PROJECT
    description: Description | None = None
    resource_class_id: ResourceClass | None = None
    disk_storage: Gigabytes | None = None
    env_variables: EnvVariables | None = None
    launcher_type: LauncherType = "interactive"
    environment: AnyEnvironmentPost


class SessionLauncherPatch(PatchModel):
    """What is to change in a launcher; what is not sent stays, nulls reset."""

    name: Name | None = None
    description: Description | None = None
    resource_class_id: ResourceClass | None = None
    disk_storage: Gigabytes | None = None
    env_variables: EnvVariables | None = None
    environment: LauncherEnvironmentPatch | None = None


class SessionLauncher(ResponseModel):
    """What people start sessions with."""

    has_etag: ClassVar[bool] = True

    id: str
    project_id: str
    name: str
    creation_date: datetime
    description: str | None = None
    environment: LauncherEnvironment
    resource_class_id: int | None = None
    disk_storage: int | None = None
    env_variables: tuple[EnvVariable, ...] | None = None
    launcher_type: LauncherType

    @classmethod
    def of(
        cls,
        launcher: Launcher,
        source: Source | None,
        shared: GlobalEnvironment | None,
    ) -> "SessionLauncher":
        """Report a launcher; arguments as of its environment."""
        return SessionLauncher.model_validate(
            {
                "id": launcher.id,
                "project_id": launcher.project_id,
                "name": launcher.name,
                "creation_date": launcher.created_at,
                "description": launcher.description,
                "environment": LauncherEnvironment.of_launcher(
                    launcher, source, shared
                ),
                "resource_class_id": launcher.resource_class_id,
                "disk_storage": launcher.disk_storage,
                "env_variables": _variables(launcher),
                "launcher_type": launcher.launcher_type,
            }
        )


def _variables(launcher: Launcher) -> Sequence[EnvVariable] | None:
    if launcher.env_variables is None:
        return None
    return [
        EnvVariable.model_construct(name=name, value=value or None)
        for name, value in launcher.env_variables.items()
    ]
