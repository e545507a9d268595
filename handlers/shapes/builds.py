"""Builds, as Renku calls the rebuilds of one environment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field, RootModel

from handlers.shapes.strict import Given, Told
from service.domain.build import BuildState, PhaseTime, Rebuild
from service.domain.failure import Failure, FailureClass
from service.domain.waiting import Waiting

__all__ = [
    "Build",
    "BuildFacts",
    "BuildLogs",
    "BuildPatch",
    "BuildResult",
    "FailureTold",
    "LatestBuild",
    "LogsQuery",
    "PhaseTold",
    "WaitingTold",
    "status_of",
]

Status = Literal["in_progress", "succeeded", "failed", "cancelled"]

ERROR_REASONS: Final = {
    FailureClass.DEADLINE: "BuildRunTimeout",
    FailureClass.OUT_OF_MEMORY: "StepOutOfMemory",
}
"""Words that Renku's pages have a help text for; `Failed` is the one for all others."""


def status_of(state: BuildState) -> Status:
    """Say a state in Renku's four words."""
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


class BuildPatch(Given):
    """The one change that a build knows."""

    status: Literal["cancelled"]


class LogsQuery(BaseModel):
    """How much of a log."""

    model_config = ConfigDict(frozen=True)

    max_lines: int = Field(
        default=250, ge=1, le=100_000, description="The last lines of every phase."
    )


class BuildLogs(RootModel[dict[str, str]]):
    """What a build said: its lines by phase."""


class BuildResult(Told):
    """The image of a build that succeeded."""

    image: str
    completed_at: datetime
    repository_url: str
    repository_git_commit_sha: str


class FailureTold(Told):
    """Why a build failed."""

    kind: str = Field(description="A machine word, such as `no_such_package`.")
    message: str
    hint: str | None = None
    path: str | None = None
    line: int | None = None

    @classmethod
    def of(cls, failure: Failure) -> "FailureTold":
        """Tell of a failure."""
        return cls(
            kind=failure.kind.word,
            message=failure.message,
            hint=failure.hint or None,
            path=failure.path or None,
            line=failure.line,
        )


class PhaseTold(Told):
    """How long one phase took."""

    name: str
    seconds: float

    @classmethod
    def of(cls, phase: PhaseTime) -> "PhaseTold":
        """Tell of a phase."""
        return cls(name=phase.name, seconds=round(phase.took.total_seconds(), 1))


class WaitingTold(Told):
    """Why a build does not proceed just now."""

    kind: str = Field(
        description="`look`, `remote`, `same_environment`, `cap`, `project_cap`, "
        "`retry`, `builder`, `other_builder` or `turn`."
    )
    message: str = Field(description="What follows *waiting because*.")
    until: datetime | None = Field(
        default=None, description="When it is tried again, where that is known."
    )
    attempt: int | None = Field(
        default=None, description="How often it was tried in vain."
    )
    attempts: int | None = Field(
        default=None, description="How often it is tried before it is given up."
    )
    failure: FailureTold | None = Field(
        default=None, description="What failed, or is in the builder's way."
    )

    @classmethod
    def of(cls, waiting: Waiting) -> "WaitingTold":
        """Tell of what is waited for."""
        return cls(
            kind=waiting.obstacle.value,
            message=waiting.message,
            until=waiting.until,
            attempt=waiting.attempt,
            attempts=waiting.attempts,
            failure=FailureTold.of(waiting.failure) if waiting.failure else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """What a rebuild does not know of itself."""

    repository_url: str
    packages: int | None = None
    """How many its image holds; None when nobody can tell."""
    phases: tuple[PhaseTime, ...] = ()
    queue_position: int | None = None
    expected_at: datetime | None = None
    waiting: Waiting | None = None


class LatestBuild(Told):
    """The newest build of a launcher's environment, in short."""

    id: str
    state: str
    created_at: datetime
    completed_at: datetime | None = None
    failure: FailureTold | None = None
    waiting: WaitingTold | None = None

    @classmethod
    def of(cls, rebuild: Rebuild, waiting: Waiting | None) -> "LatestBuild":
        """Tell of a rebuild."""
        return cls(
            id=rebuild.id,
            state=rebuild.state.value,
            created_at=rebuild.created_at,
            completed_at=rebuild.completed_at,
            failure=FailureTold.of(rebuild.failure) if rebuild.failure else None,
            waiting=WaitingTold.of(waiting) if waiting else None,
        )


class Build(Told):
    """What became of one environment's wish for an image."""

    id: str
    environment_id: str
    created_at: datetime
    status: Status
    error_reason: str | None = None
    result: BuildResult | None = None
    launcher_id: str
    source_id: str
    work_id: str | None = Field(
        default=None,
        description="The work that serves it, shared by all that want the same image; "
        "in a cluster its Job is labelled relaunch.dev/build with it.",
    )
    state: Literal[
        "queued", "running", "succeeded", "failed", "cancelled", "superseded"
    ]
    reason: str = Field(
        description="Why it was asked for: push, sweep, launcher, manual or replay."
    )
    ended: str | None = Field(
        default=None,
        description="How it ended: `built`, `reused`, `adopted`, `superseded`…",
    )
    failure: FailureTold | None = None
    commit: str | None = Field(
        default=None, description="Absent until the source was looked at."
    )
    started_at: datetime | None = None
    completed_at: datetime | None = None
    packages: int | None = Field(
        default=None, description="How many its image holds, where that is known."
    )
    phases: tuple[PhaseTold, ...] | None = Field(
        default=None,
        description="What the work consisted of, in order; absent when unknown.",
    )
    waiting: WaitingTold | None = Field(
        default=None, description="Why it does not proceed; absent while it does."
    )
    queue_position: int | None = Field(
        default=None,
        description="1 is next; an estimate, since what people wait for goes first.",
    )
    expected_at: datetime | None = Field(
        default=None,
        description="When it should be done, judged by the latest builds; it may pass.",
    )

    @classmethod
    def of(cls, rebuild: Rebuild, facts: BuildFacts) -> "Build":
        """Tell of a rebuild."""
        return cls.model_validate(
            {
                "id": rebuild.id,
                "environment_id": rebuild.environment_id,
                "created_at": rebuild.created_at,
                "status": status_of(rebuild.state),
                "error_reason": _error_reason(rebuild),
                "result": _result(rebuild, facts),
                "launcher_id": rebuild.launcher_id,
                "source_id": rebuild.source_id,
                "work_id": rebuild.build_id,
                "state": rebuild.state.value,
                "reason": rebuild.evidence.value,
                "ended": rebuild.reason or None,
                "failure": FailureTold.of(rebuild.failure) if rebuild.failure else None,
                "commit": rebuild.plan.commit if rebuild.plan else None,
                "started_at": rebuild.started_at,
                "completed_at": rebuild.completed_at,
                "packages": facts.packages,
                "phases": [PhaseTold.of(it) for it in facts.phases] or None,
                "waiting": WaitingTold.of(facts.waiting) if facts.waiting else None,
                "queue_position": facts.queue_position,
                "expected_at": facts.expected_at,
            }
        )


def _error_reason(rebuild: Rebuild) -> str | None:
    if rebuild.failure is None:
        return None
    return ERROR_REASONS.get(rebuild.failure.kind, "Failed")


def _result(rebuild: Rebuild, facts: BuildFacts) -> BuildResult | None:
    if rebuild.state is not BuildState.SUCCEEDED or rebuild.image is None:
        return None
    return BuildResult(
        image=rebuild.image,
        completed_at=rebuild.completed_at or rebuild.created_at,
        repository_url=facts.repository_url,
        # Renku's word where a build does not know its commit.
        repository_git_commit_sha=rebuild.plan.commit if rebuild.plan else "unknown",
    )
