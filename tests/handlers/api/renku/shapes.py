"""Renku's answers as its document describes them, and nothing beside.

Written from `session/api.spec.yaml` of SwissDataScienceCenter/renku-data-services at
e81895b4 (2026-07-22). Stricter than Renku's own models: no field more anywhere, and
null nowhere, since Renku leaves out what is null.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
)

from tests.support.api import Answer

Ulid = Annotated[
    str, Field(min_length=26, max_length=26, pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$")
]
Name = Annotated[str, Field(min_length=1, max_length=99)]
Description = Annotated[str, Field(max_length=500)]
ContainerImage = Annotated[str, Field(min_length=3, max_length=500)]
Arguments = Annotated[list[str], Field(min_length=1)]
Folder = Annotated[str, Field(min_length=1)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class BuildResult(Shape):
    image: ContainerImage
    completed_at: AwareDatetime
    repository_url: str
    repository_git_commit_sha: str


class Unfinished(Shape):
    """`Build2`."""

    id: Ulid
    environment_id: Ulid
    created_at: AwareDatetime
    error_reason: str | None = None
    status: Literal["in_progress", "failed", "cancelled"]


class Succeeded(Shape):
    """`Build3`."""

    id: Ulid
    environment_id: Ulid
    created_at: AwareDatetime
    error_reason: str | None = None
    status: Literal["succeeded"]
    result: BuildResult


Build = Annotated[Unfinished | Succeeded, Field(discriminator="status")]
BuildLogs = dict[str, str]


class EnvironmentWithoutContainerImage(Shape):
    id: Ulid
    name: Name
    creation_date: AwareDatetime
    description: Description | None = None
    default_url: Annotated[str, Field(max_length=200)]
    uid: Annotated[int, Field(gt=0, le=65535)]
    gid: Annotated[int, Field(gt=0, le=65535)]
    working_directory: Folder | None = None
    mount_directory: Folder | None = None
    port: Annotated[int, Field(gt=0, lt=65400)]
    command: Arguments | None = None
    args: Arguments | None = None
    is_archived: bool
    strip_path_prefix: bool


class Environment(EnvironmentWithoutContainerImage):
    """A global one."""

    container_image: ContainerImage


class EnvironmentWithImageGet(Environment):
    environment_image_source: Literal["image"]
    environment_kind: Literal["GLOBAL", "CUSTOM"]


class BuildParameters(Shape):
    repository: str
    platforms: list[Literal["linux/amd64", "linux/arm64"]]
    builder_variant: Annotated[str, Field(min_length=1, max_length=99)]
    frontend_variant: Annotated[str, Field(min_length=1, max_length=99)]
    repository_revision: Annotated[str, Field(min_length=1, max_length=500)] | None = (
        None
    )
    context_dir: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class EnvironmentWithBuildGet(EnvironmentWithoutContainerImage):
    container_image: ContainerImage
    build_parameters: BuildParameters
    environment_image_source: Literal["build"]
    environment_kind: Literal["CUSTOM"]


class EnvVar(Shape):
    name: Annotated[str, Field(max_length=256, pattern="^[a-zA-Z_][a-zA-Z0-9_]*$")]
    value: Annotated[str, Field(max_length=500)] | None = None


class SessionLauncher(Shape):
    id: Ulid
    project_id: Ulid
    name: Name
    creation_date: AwareDatetime
    description: Description | None = None
    environment: Annotated[
        EnvironmentWithImageGet | EnvironmentWithBuildGet,
        Field(discriminator="environment_image_source"),
    ]
    resource_class_id: int | None = None
    disk_storage: Annotated[int, Field(ge=1)] | None = None
    env_variables: Annotated[list[EnvVar], Field(max_length=32)] | None = None
    launcher_type: Literal["interactive", "non-interactive"]


class PersistedLine(Shape):
    timestamp: Annotated[str, Field(pattern="^[0-9]+$")]
    log_line: str


class PersistedContainer(Shape):
    container: str
    logs: list[PersistedLine]


class PersistedLogs(Shape):
    """`persistedLogs.openapi.json` of renku-ui."""

    logs: list[PersistedContainer]


class Error(Shape):
    code: Annotated[int, Field(gt=0)]
    message: str
    detail: str | None = None
    trace_id: str | None = None


class ErrorResponse(Shape):
    error: Error


def read(answer: Answer, shape: Any, status: int = 200) -> Any:
    """Read an answer strictly; return its JSON."""
    assert answer.status == status, answer
    TypeAdapter(shape).validate_json(answer.text)
    assert ":null" not in answer.text, "null instead of absent"
    return answer.json


def read_error(answer: Answer, status: int) -> str:
    """Read an error strictly; return its sentence."""
    error = read(answer, ErrorResponse, status)["error"]
    assert error["code"] == 1000 + status
    return str(error["message"])
