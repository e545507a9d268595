"""Failed builds that are asked for again, many at once."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from handlers.api.schemas.models import RequestModel, ResponseModel
from service.domain.building.build import Rebuild
from service.domain.building.failure import FailureClass

__all__ = ["MAX_RETRIES", "RetriedResponse", "RetriesResponse", "RetryRequest"]

MAX_RETRIES = 500
"""Each requests an evaluation: so many are one transaction of well under a second."""


def _known(word: str) -> str:
    words = [kind.word for kind in FailureClass]
    if word not in words:
        raise ValueError(
            f"there is no failure class {word[:40]!r}; there are {', '.join(words)}"
        )
    return word


class RetryRequest(RequestModel):
    """Which failed builds are asked for again."""

    since: AwareDatetime | None = Field(
        default=None, description="Only what failed from then on."
    )
    classes: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(
        default=(),
        max_length=len(FailureClass),
        description="Words of failure classes; of any class when empty.",
    )
    limit: int = Field(default=100, ge=1, le=MAX_RETRIES)


class RetriedResponse(ResponseModel):
    """A launcher whose build is asked for again."""

    launcher_id: str
    name: str
    environment_id: str
    build_id: str = Field(description="The new build.")
    failed_build_id: str
    failure: str = Field(description="The class of what had failed.")
    failed_at: datetime

    @classmethod
    def of(cls, name: str, failed: Rebuild, asked: Rebuild) -> "RetriedResponse":
        """Report a rebuild that takes up a failed one."""
        return cls(
            launcher_id=asked.launcher_id,
            name=name,
            environment_id=asked.environment_id,
            build_id=asked.id,
            failed_build_id=failed.id,
            failure=failed.reason,
            failed_at=failed.completed_at or failed.created_at,
        )


class RetriesResponse(ResponseModel):
    """What was asked for again, the oldest failure first."""

    requested: tuple[RetriedResponse, ...]
    left: int = Field(
        description="How many more match: ask again for the next of them."
    )
