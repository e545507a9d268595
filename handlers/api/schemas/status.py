"""What waits in the service, and since when."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from pydantic import Field

from handlers.api.schemas.models import ResponseModel
from service.ports.bus import QueueDepth
from service.ports.store.statistics import InstallationState

__all__ = ["StatusResponse"]


class QueueResponse(ResponseModel):
    """The queue of a role."""

    role: str
    waiting: int
    dead: int = Field(description="Messages that no consumer could handle.")
    consumers: int | None = Field(
        default=None,
        description="The processes that consume it; absent where the bus does not "
        "know.",
    )

    @classmethod
    def of(cls, depth: QueueDepth) -> Self:
        """Report a queue."""
        return cls(
            role=depth.role,
            waiting=depth.waiting,
            dead=depth.dead,
            consumers=depth.consumers,
        )


class BacklogResponse(ResponseModel):
    """What waits."""

    count: int
    oldest_seconds: float = Field(description="How long the oldest has waited.")

    @classmethod
    def of(cls, count: int, since: datetime | None, now: datetime) -> Self:
        """Report a backlog."""
        return cls(count=count, oldest_seconds=_age(since, now))


class HookCounts(ResponseModel):
    """Hooks by their last health check."""

    healthy: int
    unhealthy: int
    unchecked: int


class StatusResponse(ResponseModel):
    """The service as it is at one moment."""

    checked_at: datetime
    version: str
    has_leader: bool = Field(description="Whether a consumer leads: builds, sweeps.")
    queues: Sequence[QueueResponse]
    spool: BacklogResponse = Field(description="Events that wait for the bus.")
    evaluations_due: BacklogResponse
    builds_queued: BacklogResponse
    builds_running: int
    launchers_without_build: int = Field(
        description="Automatic launchers without the image that they want, and no "
        "build for it."
    )
    hooks: HookCounts
    sweep_lag_seconds: float

    @classmethod
    def of(
        cls,
        state: InstallationState,
        depths: Sequence[QueueDepth],
        *,
        now: datetime,
        version: str,
        has_leader: bool,
        without_build: int,
    ) -> Self:
        """Report what was read."""
        return cls(
            checked_at=now,
            version=version,
            has_leader=has_leader,
            queues=[QueueResponse.of(depth) for depth in depths],
            spool=BacklogResponse.of(state.outbox_events, state.outbox_oldest, now),
            evaluations_due=BacklogResponse.of(
                state.evaluations_due, state.evaluation_oldest_due, now
            ),
            builds_queued=BacklogResponse.of(
                state.builds_queued, state.build_oldest_queued, now
            ),
            builds_running=state.builds_running,
            launchers_without_build=without_build,
            hooks=HookCounts(
                healthy=state.hooks_healthy,
                unhealthy=state.hooks_unhealthy,
                unchecked=state.hooks_unchecked,
            ),
            sweep_lag_seconds=_age(state.sweep_oldest_due, now),
        )


def _age(since: datetime | None, now: datetime) -> float:
    waited = now - since if since is not None else timedelta()
    return max(waited, timedelta()).total_seconds()
