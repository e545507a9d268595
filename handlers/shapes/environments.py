"""Environments that are built from code, in Renku's shapes.

Names, limits and the table of pairs are those of Renku's session API:
https://github.com/SwissDataScienceCenter/renku-data-services
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from handlers.shapes.strict import Given, Line, Prose, Told
from service.domain.launcher import Launcher
from service.domain.source import Source
from service.errors import InvalidRequestError

__all__ = [
    "NOT_BUILT",
    "BuildParameters",
    "BuildParametersPatch",
    "Builder",
    "Environment",
    "EnvironmentPatch",
    "EnvironmentPost",
    "Frontend",
    "check_pair",
]

NOT_BUILT: Final = "image:unknown-at-the-moment"
"""Renku's word for an image that does not exist yet."""

Builder = Literal["python", "r"]
Frontend = Literal["vscodium", "jupyterlab", "ttyd", "rstudio", "infer", "none"]
Platform = Literal["linux/amd64", "linux/arm64"]

PAIRS: Final[dict[str, frozenset[str]]] = {
    "python": frozenset({"vscodium", "jupyterlab", "ttyd", "infer", "none"}),
    "r": frozenset({"rstudio", "none"}),
}

PORT: Final = 8888
USER: Final = 1000
FOLDER: Final = "/home/renku/work"


def check_pair(builder: str, frontend: str) -> None:
    """Refuse a frontend that the builder does not make.

    Raises:
        InvalidRequestError: The pair is not in Renku's table.
    """
    if frontend not in PAIRS.get(builder, frozenset()):
        raise InvalidRequestError(
            f"Invalid combination: builder {builder!r} is not compatible with "
            f"frontend {frontend!r}"
        )


def _one_platform(platforms: tuple[str, ...]) -> tuple[str, ...]:
    different = tuple(dict.fromkeys(platforms))
    if len(different) != 1:
        raise ValueError(f"{len(different)} platforms given; expected exactly one")
    return different


def _inside(folder: str) -> str:
    """Write a folder inside a repository without detours."""
    if "\\" in folder:
        raise ValueError("holds a backslash; expected folders parted by /")
    if folder.startswith("/"):
        raise ValueError("begins with /; expected a folder inside the repository")
    parts = [part for part in folder.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise ValueError("holds ..; expected a folder inside the repository")
    return "/".join(parts)


Repository = Annotated[Line, Field(min_length=1, max_length=500)]
Platforms = Annotated[tuple[Platform, ...], AfterValidator(_one_platform)]
Words = Annotated[
    tuple[Annotated[Prose, Field(max_length=10_000)], ...],
    Field(min_length=1, max_length=100),
]
ContextDir = Annotated[Line, Field(max_length=500), AfterValidator(_inside)]
Revision = Annotated[Line, Field(max_length=500)]


def _only_built(data: Any) -> Any:  # noqa: ANN401 - whatever JSON a caller sends
    """Say plainly that environments with ready images are not served here."""
    if not isinstance(data, dict):
        return data
    source = data.get("environment_image_source", "build")
    if source == "image" or "id" in data or "container_image" in data:
        raise ValueError(
            "environments with a ready image or a global one are not supported here; "
            'expected "environment_image_source": "build" with a repository'
        )
    return data


class EnvironmentPost(Given):
    """How a new launcher's environment is made."""

    environment_image_source: Literal["build"] = "build"
    environment_kind: Literal["CUSTOM"] = "CUSTOM"
    repository: Repository
    builder_variant: Builder = "python"
    frontend_variant: Frontend
    platforms: Platforms = ("linux/amd64",)
    repository_revision: Revision = Field(
        default="", description="Branch, tag or commit; the default branch when empty."
    )
    context_dir: ContextDir = Field(
        default="", description="The folder of the definition; the root when empty."
    )
    command: Words | None = None
    args: Words | None = None

    _only_built = model_validator(mode="before")(_only_built)


class BuildParametersPatch(Given):
    """What is to change in how an environment is made; empty texts reset."""

    repository: Repository | None = None
    builder_variant: Builder | None = None
    frontend_variant: Frontend | None = None
    platforms: Platforms | None = None
    repository_revision: Revision | None = None
    context_dir: ContextDir | None = None


class EnvironmentPatch(Given):
    """What is to change in a launcher's environment."""

    environment_kind: Literal["CUSTOM"] = "CUSTOM"
    environment_image_source: Literal["build"] = "build"
    build_parameters: BuildParametersPatch = BuildParametersPatch()
    command: Words | None = Field(default=None, description="Null resets it.")
    args: Words | None = Field(default=None, description="Null resets them.")

    _only_built = model_validator(mode="before")(_only_built)


class BuildParameters(Told):
    """How an environment is made."""

    repository: str
    builder_variant: str
    frontend_variant: str
    platforms: tuple[str, ...]
    repository_revision: str | None = None
    context_dir: str | None = None


class Environment(Told):
    """What sessions of a launcher start from."""

    id: str
    name: str
    creation_date: datetime
    description: str
    environment_kind: Literal["CUSTOM"] = "CUSTOM"
    environment_image_source: Literal["build"] = "build"
    build_parameters: BuildParameters
    container_image: str = Field(
        description=f"`{NOT_BUILT}` until the first build succeeded."
    )
    default_url: str
    port: int = PORT
    uid: int = USER
    gid: int = USER
    working_directory: str = FOLDER
    mount_directory: str = FOLDER
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    is_archived: bool = False
    strip_path_prefix: bool = False

    @classmethod
    def of(cls, launcher: Launcher, source: Source) -> "Environment":
        """Tell of a launcher's environment."""
        return cls(
            id=launcher.environment_id,
            name=launcher.name,
            creation_date=launcher.created_at,
            description=f"Generated environment for {launcher.name}",
            container_image=launcher.image or NOT_BUILT,
            default_url="/lab" if launcher.frontend == "jupyterlab" else "/",
            strip_path_prefix=launcher.frontend == "rstudio",
            command=launcher.command or None,
            args=launcher.args or None,
            build_parameters=BuildParameters(
                repository=source.repository.url,
                builder_variant=launcher.builder,
                frontend_variant=launcher.frontend,
                platforms=(launcher.platform,),
                repository_revision=source.revision.to_text() or None,
                context_dir=source.context_dir or None,
            ),
        )
