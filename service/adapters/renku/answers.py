"""What is read of an upstream Renku's answers.

The names are of its `session/api.spec.yaml` and `project/api.spec.yaml`:
https://github.com/SwissDataScienceCenter/renku-data-services
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from service.domain.building.build import EnvironmentId
from service.domain.launcher import LauncherId
from service.domain.rights.caller import ProjectId
from service.domain.rights.project import Visibility
from service.errors import TransientError
from service.ports.upstream import UpstreamLauncher, UpstreamProject

__all__ = ["BuildAnswer", "LauncherAnswer", "ProjectAnswer", "parse"]

NOT_BUILT: Final = "image:unknown-at-the-moment"
"""`container_image` of an environment before its first build was seen to succeed."""

T = TypeVar("T")


class _RenkuAnswer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ResultAnswer(_RenkuAnswer):
    """The result of a build that succeeded."""

    image: str
    completed_at: AwareDatetime
    repository_git_commit_sha: str
    """The word `unknown` where Renku does not know it."""


class BuildAnswer(_RenkuAnswer):
    """A build."""

    id: str
    environment_id: str
    created_at: AwareDatetime
    """Before Renku read the parameters that it was made with."""
    status: Literal["in_progress", "succeeded", "failed", "cancelled"]
    result: ResultAnswer | None = None
    error_reason: str | None = None
    """Absent, too, where Renku lost the build before anybody had asked for its end."""


class BuildParametersAnswer(_RenkuAnswer):
    repository: str
    builder_variant: str
    frontend_variant: str
    platforms: Sequence[str] = ()
    repository_revision: str | None = None
    context_dir: str | None = None


class EnvironmentAnswer(_RenkuAnswer):
    id: str
    environment_image_source: str
    container_image: str | None = None
    build_parameters: BuildParametersAnswer | None = None


class LauncherAnswer(_RenkuAnswer):
    """A session launcher."""

    id: str
    project_id: str
    name: str
    creation_date: datetime
    environment: EnvironmentAnswer
    description: str | None = None
    launcher_type: str = "interactive"
    resource_class_id: int | None = None

    def to_launcher(self) -> UpstreamLauncher | None:
        """Return the launcher; None unless it is built from code."""
        environment = self.environment
        given = environment.build_parameters
        if given is None or environment.environment_image_source != "build":
            return None
        image = environment.container_image
        return UpstreamLauncher(
            id=LauncherId(self.id),
            project_id=ProjectId(self.project_id),
            name=self.name,
            environment_id=EnvironmentId(environment.id),
            image=None if image == NOT_BUILT else image,
            repository=given.repository,
            revision=given.repository_revision or "",
            context_dir=_folder(given.context_dir or ""),
            builder=given.builder_variant,
            frontend=given.frontend_variant,
            platform=given.platforms[0] if given.platforms else "linux/amd64",
            description=self.description,
            launcher_type=self.launcher_type,
            resource_class_id=self.resource_class_id,
            created_at=self.creation_date,
        )


def _folder(text: str) -> str:
    return "/".join(part for part in text.split("/") if part not in {"", "."})


class ProjectAnswer(_RenkuAnswer):
    """A project."""

    id: str
    name: str
    namespace: str
    slug: str
    visibility: Visibility
    repositories: Sequence[str] = ()

    def to_project(self) -> UpstreamProject:
        """Return the project."""
        return UpstreamProject(
            id=ProjectId(self.id),
            name=self.name,
            namespace=self.namespace,
            slug=self.slug,
            visibility=self.visibility,
            repositories=tuple(self.repositories),
        )


def parse(kind: type[T], content: Any, *, what: str) -> T:  # noqa: ANN401 - JSON
    """Read an answer.

    Raises:
        TransientError: It has another shape; a proxy may have answered instead.
    """
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as exc:
        error: Mapping[str, Any] = exc.errors(include_url=False)[0]
        place = ".".join(str(part) for part in error["loc"])
        raise TransientError(
            f"{what} is not as Renku answers it: {place or 'the answer'}: "
            f"{error['msg']}"
        ) from exc
