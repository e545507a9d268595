"""Builds, as Renku calls the rebuilds of one environment.

Its models forbid other fields (`additionalProperties: false`).
"""

from datetime import datetime
from typing import Final, Literal, assert_never

from pydantic import Field, RootModel

from handlers.api.schemas.models import PatchModel, ResponseModel
from handlers.api.schemas.service import Query
from service.domain.building.build import BuildState, Rebuild
from service.domain.building.failure import FailureClass

__all__ = [
    "Build",
    "BuildLogs",
    "BuildPatch",
    "BuildResult",
    "LogsQuery",
    "QueueQuery",
    "Status",
    "error_reason_of",
    "result_of",
    "status_of",
]

Status = Literal["in_progress", "succeeded", "failed", "cancelled"]

ERROR_REASONS: Final = {
    FailureClass.DEADLINE: "BuildRunTimeout",
    FailureClass.OUT_OF_MEMORY: "StepOutOfMemory",
}
"""Words that Renku's pages have a help text for; `Failed` is the one for all others."""


def status_of(state: BuildState) -> Status:
    """Map a state to Renku's four words."""
    match state:
        case BuildState.QUEUED | BuildState.RUNNING:
            return "in_progress"
        case BuildState.SUCCEEDED:
            return "succeeded"
        case BuildState.FAILED:
            return "failed"
        case BuildState.CANCELLED | BuildState.SUPERSEDED:
            return "cancelled"
    assert_never(state)


class BuildPatch(PatchModel):
    """The one change that a build knows; without it nothing changes."""

    status: Literal["cancelled"] | None = None


class LogsQuery(Query):
    """How much of a log."""

    max_lines: int = Field(
        default=250, ge=1, le=100_000, description="The last lines of every phase."
    )


class QueueQuery(Query):
    """Whether a build may wait for one in progress; ours, Renku has no queue."""

    queue: bool = Field(
        default=False,
        description="Wait for a build that is in progress, instead of 409; what it "
        "builds serves this one too, unless the definition changed.",
    )


class BuildLogs(RootModel[dict[str, str]]):
    """The log of a build: its lines by phase."""


class BuildResult(ResponseModel):
    """The image of a build that succeeded."""

    image: str
    completed_at: datetime
    repository_url: str
    repository_git_commit_sha: str


class Build(ResponseModel):
    """The state of one environment's request for an image."""

    id: str
    environment_id: str
    created_at: datetime
    status: Status
    error_reason: str | None = None
    result: BuildResult | None = Field(
        default=None, description="Of builds that succeeded, and of no others."
    )

    @classmethod
    def of(cls, rebuild: Rebuild, repository_url: str) -> "Build":
        """Report a rebuild of a repository."""
        return cls(
            id=rebuild.id,
            environment_id=rebuild.environment_id,
            created_at=rebuild.created_at,
            status=status_of(rebuild.state),
            error_reason=error_reason_of(rebuild),
            result=result_of(rebuild, repository_url),
        )


def error_reason_of(rebuild: Rebuild) -> str | None:
    """Return Renku's word for why a rebuild failed; None when it did not."""
    if rebuild.failure is None:
        return None
    return ERROR_REASONS.get(rebuild.failure.kind, "Failed")


def result_of(rebuild: Rebuild, repository_url: str) -> BuildResult | None:
    """Return what a rebuild of a repository produced; None when nothing."""
    if rebuild.state is not BuildState.SUCCEEDED or rebuild.image is None:
        return None
    return BuildResult(
        image=rebuild.image,
        completed_at=rebuild.completed_at or rebuild.created_at,
        repository_url=repository_url,
        # Renku's word where a build does not know its commit.
        repository_git_commit_sha=rebuild.plan.commit if rebuild.plan else "unknown",
    )
