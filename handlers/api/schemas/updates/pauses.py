"""Pins and pauses."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from handlers.api.schemas.models import Line, RequestModel, ResponseModel, Ulid
from service.domain.building.pause import EVERYWHERE, Pause

__all__ = ["PauseRequest", "PauseResponse", "RollBackRequest"]


class RollBackRequest(RequestModel):
    """Which image a launcher goes back to."""

    build_id: Ulid | None = Field(
        default=None,
        description="The build that made it; the one before the present when absent.",
    )


class PauseRequest(RequestModel):
    """Why automatic work is paused."""

    reason: Annotated[Line, Field(max_length=200)] = ""


class PauseResponse(ResponseModel):
    """Where nothing is built by itself."""

    project_id: str | None = Field(
        default=None, description="Absent for a pause of everything."
    )
    since: datetime
    by: str | None = Field(default=None, description="The id of a user.")
    reason: str | None = None

    @classmethod
    def of(cls, pause: Pause) -> "PauseResponse":
        """Report a pause."""
        return cls(
            project_id=None if pause.scope == EVERYWHERE else pause.scope,
            since=pause.since,
            by=pause.by,
            reason=pause.reason or None,
        )
