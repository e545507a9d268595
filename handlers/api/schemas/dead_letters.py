"""Messages that nobody could handle."""

from datetime import datetime

from pydantic import Field

from handlers.api.schemas.models import Line, ResponseModel
from handlers.api.schemas.service import PageQuery
from service.ports.bus import DeadLetter

__all__ = ["DeadLetterResponse", "DeadLettersQuery"]


class DeadLettersQuery(PageQuery):
    """Whose dead letters."""

    role: Line | None = Field(default=None, max_length=200)


class DeadLetterResponse(ResponseModel):
    """A message that no consumer could handle."""

    id: str
    role: str
    event: str = Field(description="As it came: a CloudEvent in JSON, or whatever.")
    attempts: int
    error: str
    died_at: datetime

    @classmethod
    def of(cls, letter: DeadLetter) -> "DeadLetterResponse":
        """Report a dead letter."""
        return cls(
            id=letter.id,
            role=letter.role,
            event=letter.event.decode("utf-8", "replace"),
            attempts=letter.attempts,
            error=letter.error,
            died_at=letter.died_at,
        )
