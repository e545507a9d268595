"""Errors, versions, and what lists are asked with."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from handlers.api.schemas.models import Line, ResponseModel
from service.domain.building.build import BuildState

__all__ = [
    "MAX_PER_PAGE",
    "BuildsQuery",
    "CursorQuery",
    "DeliveriesQuery",
    "ErrorResponse",
    "LauncherSearch",
    "LaunchersQuery",
    "LimitQuery",
    "PageQuery",
    "Problem",
    "Version",
]

MAX_PER_PAGE: Final = 100


class Problem(ResponseModel):
    """What went wrong."""

    code: int = Field(description="1000 and the HTTP status.")
    message: str
    detail: str | None = None


class ErrorResponse(ResponseModel):
    """The one shape of every error."""

    error: Problem


class Version(ResponseModel):
    """What runs here."""

    version: str


class Query(BaseModel):
    """Parameters of a URL; what is not known is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")


_AFTER: Final = "Only what stands behind this cursor, taken from a `Link` header."


class LimitQuery(Query):
    """How many, newest first.

    Where more follow, `Link` and `next-cursor` go with the answer.
    """

    limit: int = Field(default=50, ge=1, le=1000)
    after: Line | None = Field(default=None, max_length=300, description=_AFTER)


class BuildsQuery(LimitQuery):
    """Which builds."""

    state: BuildState | None = Field(
        default=None, description="Only those in this state."
    )


class DeliveriesQuery(LimitQuery):
    """Which deliveries."""

    hook: Line | None = Field(default=None, max_length=200)


class PageQuery(Query):
    """Which page; the first thousand when neither is given.

    The headers `page`, `per-page`, `total` and `total-pages` go with the answer, and
    `Link` where more follow.
    """

    page: int | None = Field(default=None, ge=1, le=1_000_000)
    per_page: int | None = Field(default=None, ge=1, le=MAX_PER_PAGE)


class CursorQuery(PageQuery):
    """Which page of a list that can be long.

    `next-cursor` goes with the answer, too, where more follow. With a cursor, `page`
    only gives the page its number.
    """

    after: Line | None = Field(default=None, max_length=300, description=_AFTER)


class LaunchersQuery(CursorQuery):
    """Which launchers."""

    name: Line | None = Field(default=None, max_length=200)


class LauncherSearch(LaunchersQuery):
    """Which launchers, also by what they track."""

    repository: Line | None = Field(
        default=None,
        max_length=500,
        description="The URL of a repository, in whatever spelling.",
    )
