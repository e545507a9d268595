"""Requests for environments of launchers and of all, in Renku's shapes.

Names, limits and defaults are those of `session/api.spec.yaml` of
https://github.com/SwissDataScienceCenter/renku-data-services
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from handlers.api.schemas.models import (
    TAG,
    Line,
    PatchModel,
    Prose,
    RequestModel,
)
from handlers.api.schemas.renku.fields import (
    ContainerImage,
    ContextDir,
    DefaultUrl,
    Folder,
    Platforms,
    Port,
    Repository,
    Revision,
    UserId,
    Variant,
    Words,
)
from handlers.api.schemas.service import Query

__all__ = [
    "AnyEnvironmentPost",
    "BuildParametersPatch",
    "CodeEnvironmentPost",
    "EnvironmentPatch",
    "EnvironmentPost",
    "EnvironmentsQuery",
    "GlobalEnvironmentChoice",
    "ImageEnvironmentPost",
    "LauncherEnvironmentPatch",
    "SettingsPost",
]

Name = Annotated[Line, Field(min_length=1, max_length=99)]
Description = Annotated[Prose, Field(max_length=500)]


class EnvironmentsQuery(Query):
    """Which global environments."""

    include_archived: bool = False


class SettingsPost(RequestModel):
    """How sessions run; what is not given is as usual."""

    default_url: DefaultUrl | None = None
    port: Port | None = None
    uid: UserId | None = None
    gid: UserId | None = None
    working_directory: Folder | None = None
    mount_directory: Folder | None = None
    strip_path_prefix: bool | None = None
    command: Words | None = None
    args: Words | None = None


class EnvironmentPost(SettingsPost):
    """A new environment with a ready image."""

    name: Name
    description: Description | None = None
    container_image: ContainerImage
    environment_image_source: Literal["image"]
    is_archived: bool = False


class ImageEnvironmentPost(EnvironmentPost):
    """A ready image for a new launcher."""

    environment_kind: Literal["CUSTOM", "GLOBAL"] = "CUSTOM"


class CodeEnvironmentPost(SettingsPost):
    """How a new launcher's environment is built; its settings survive every build."""

    environment_image_source: Literal["build"] = "build"
    environment_kind: Literal["CUSTOM"] = "CUSTOM"
    repository: Repository
    builder_variant: Variant = "python"
    frontend_variant: Variant
    platforms: Platforms = ()
    repository_revision: Revision = Field(
        default="", description="Branch, tag or commit; the default branch when empty."
    )
    context_dir: ContextDir = Field(
        default="", description="The folder of the definition; the root when empty."
    )


class GlobalEnvironmentChoice(RequestModel):
    """A global environment for a new launcher."""

    id: Annotated[Line, Field(min_length=1, max_length=100)]


def _which(data: Any) -> str:  # noqa: ANN401 - whatever JSON a caller sends
    if not isinstance(data, dict):
        return f"{TAG}code"
    if "id" in data:
        return f"{TAG}global"
    source = data.get("environment_image_source")
    is_image = source == "image" or (source is None and "container_image" in data)
    return f"{TAG}image" if is_image else f"{TAG}code"


AnyEnvironmentPost = Annotated[
    Annotated[CodeEnvironmentPost, Tag(f"{TAG}code")]
    | Annotated[ImageEnvironmentPost, Tag(f"{TAG}image")]
    | Annotated[GlobalEnvironmentChoice, Tag(f"{TAG}global")],
    Discriminator(_which),
]


class BuildParametersPatch(PatchModel):
    """What is to change in how an environment is made; empty texts and lists reset."""

    repository: Repository | None = None
    builder_variant: Variant | None = None
    frontend_variant: Variant | None = None
    platforms: Platforms | None = None
    repository_revision: Revision | None = None
    context_dir: ContextDir | None = None


FolderPatch = Annotated[Literal[""] | Folder, Field(description="Empty resets it.")]


class EnvironmentPatch(PatchModel):
    """What is to change in an environment; null resets `command` and `args`."""

    name: Name | None = None
    description: Description | None = None
    container_image: ContainerImage | None = None
    default_url: DefaultUrl | None = None
    port: Port | None = None
    uid: UserId | None = None
    gid: UserId | None = None
    working_directory: FolderPatch | None = None
    mount_directory: FolderPatch | None = None
    is_archived: bool | None = None
    strip_path_prefix: bool | None = None
    command: Words | None = Field(default=None, description="Null resets it.")
    args: Words | None = Field(default=None, description="Null resets them.")


class LauncherEnvironmentPatch(EnvironmentPatch):
    """What is to change in a launcher's environment, or which other one it gets.

    An `id` and nothing else chooses a global environment.
    """

    id: Annotated[Line, Field(min_length=1, max_length=100)] | None = None
    environment_kind: Literal["GLOBAL", "CUSTOM"] | None = None
    environment_image_source: Literal["image", "build"] | None = None
    build_parameters: BuildParametersPatch | None = None
