"""Builds with all that is known of them; Renku's own shape is in `renku/builds.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import Field

from handlers.api.schemas.models import ResponseModel, Word
from handlers.api.schemas.renku.builds import Build
from service.domain.building.build import PhaseTime, Rebuild
from service.domain.building.failure import Failure
from service.domain.building.waiting import Waiting
from service.usecases.environments.build_options import BuildOptions

__all__ = [
    "BuildDetails",
    "BuildFacts",
    "BuildOptionsResponse",
    "FailureResponse",
    "LatestBuild",
    "LogLineResponse",
    "PhaseResponse",
    "WaitingResponse",
]


class FailureResponse(ResponseModel):
    """Why a build failed."""

    kind: str = Field(description="A machine word, such as `no_such_package`.")
    message: str
    hint: str | None = None
    path: str | None = None
    line: int | None = None

    @classmethod
    def of(cls, failure: Failure) -> "FailureResponse":
        """Report a failure."""
        return cls(
            kind=failure.kind.word,
            message=failure.message,
            hint=failure.hint or None,
            path=failure.path or None,
            line=failure.line,
        )


class PhaseResponse(ResponseModel):
    """How long one phase took."""

    name: str
    seconds: float

    @classmethod
    def of(cls, phase: PhaseTime) -> "PhaseResponse":
        """Report a phase."""
        return cls(name=phase.name, seconds=round(phase.took.total_seconds(), 1))


class WaitingResponse(ResponseModel):
    """Why a build does not proceed just now."""

    kind: str = Field(
        description="`evaluation`, `remote`, `same_environment`, `limit`, "
        "`project_limit`, `retry`, `builder`, `other_builder`, `pause` or `scheduling`."
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
    failure: FailureResponse | None = Field(
        default=None, description="What failed, or is in the builder's way."
    )

    @classmethod
    def of(cls, waiting: Waiting) -> "WaitingResponse":
        """Report what is waited for."""
        return cls(
            kind=waiting.obstacle.value,
            message=waiting.message,
            until=waiting.until,
            attempt=waiting.attempt,
            attempts=waiting.attempts,
            failure=FailureResponse.of(waiting.failure) if waiting.failure else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """What a rebuild does not know of itself."""

    repository_url: str
    packages: int | None = None
    """How many its image holds; None when it is not known."""
    phases: tuple[PhaseTime, ...] = ()
    queue_position: int | None = None
    expected_at: datetime | None = None
    waiting: Waiting | None = None


class LatestBuild(ResponseModel):
    """The newest build of a launcher's environment, in short."""

    id: str
    state: str
    created_at: datetime
    completed_at: datetime | None = None
    failure: FailureResponse | None = None
    waiting: WaitingResponse | None = None

    @classmethod
    def of(cls, rebuild: Rebuild, waiting: Waiting | None) -> "LatestBuild":
        """Report a rebuild."""
        return cls(
            id=rebuild.id,
            state=rebuild.state.value,
            created_at=rebuild.created_at,
            completed_at=rebuild.completed_at,
            failure=FailureResponse.of(rebuild.failure) if rebuild.failure else None,
            waiting=WaitingResponse.of(waiting) if waiting else None,
        )


class LogLineResponse(ResponseModel):
    """One line of a build's log, as its stream sends it."""

    phase: str
    text: str


class BuildDetails(Build):
    """Renku's build, and all else that is known of it."""

    launcher_id: str
    source_id: str
    work_id: str | None = Field(
        default=None,
        description="The work that serves it, shared by all that want the same image; "
        "in a cluster its Job is labelled relaunch.dev/build with it.",
    )
    state: Word = Field(
        description="`queued`, `running`, `succeeded`, `failed`, `cancelled` or "
        "`superseded`."
    )
    reason: str = Field(
        description="Why it was asked for: push, sweep, launcher, manual or replay."
    )
    ended: str | None = Field(
        default=None,
        description="How it ended: `built`, `reused`, `adopted`, `superseded`…",
    )
    failure: FailureResponse | None = None
    commit: str | None = Field(
        default=None, description="Absent until the source was evaluated."
    )
    started_at: datetime | None = None
    completed_at: datetime | None = None
    packages: int | None = Field(
        default=None, description="How many its image holds, where that is known."
    )
    phases: tuple[PhaseResponse, ...] | None = Field(
        default=None,
        description="What the work consisted of, in order; absent when unknown.",
    )
    waiting: WaitingResponse | None = Field(
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
    def with_facts(cls, rebuild: Rebuild, facts: BuildFacts) -> "BuildDetails":
        """Report a rebuild with what it does not know of itself."""
        failure, waiting = rebuild.failure, facts.waiting
        return cls(
            **dict(Build.of(rebuild, facts.repository_url)),
            launcher_id=rebuild.launcher_id,
            source_id=rebuild.source_id,
            work_id=rebuild.build_id,
            state=rebuild.state.value,
            reason=rebuild.trigger.value,
            ended=rebuild.reason or None,
            failure=FailureResponse.of(failure) if failure else None,
            commit=rebuild.plan.commit if rebuild.plan else None,
            started_at=rebuild.started_at,
            completed_at=rebuild.completed_at,
            packages=facts.packages,
            phases=tuple(PhaseResponse.of(phase) for phase in facts.phases) or None,
            waiting=WaitingResponse.of(waiting) if waiting else None,
            queue_position=facts.queue_position,
            expected_at=facts.expected_at,
        )


class BuildOptionsResponse(ResponseModel):
    """What this installation takes for the build parameters of an environment.

    Renku knows more of them; the others are refused here.
    """

    builder_variants: tuple[str, ...]
    frontend_variants: tuple[str, ...] = Field(
        description="Where the builder image decides, all that Renku knows."
    )
    platforms: tuple[str, ...]

    @classmethod
    def of(cls, options: BuildOptions) -> Self:
        """Report them."""
        return cls(
            builder_variants=options.builders,
            frontend_variants=options.frontends,
            platforms=options.platforms,
        )
