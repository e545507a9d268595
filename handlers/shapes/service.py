"""Errors, versions, and what lists are asked with."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from handlers.shapes.strict import Line, Told

__all__ = [
    "MAX_PER_PAGE",
    "DeliveriesQuery",
    "ErrorTold",
    "LaunchersQuery",
    "LimitQuery",
    "PageQuery",
    "Problem",
    "Version",
]

MAX_PER_PAGE: Final = 100


class Problem(Told):
    """What went wrong."""

    code: int = Field(description="1000 and the HTTP status.")
    message: str
    detail: str | None = None


class ErrorTold(Told):
    """The one shape of every error."""

    error: Problem


class Version(Told):
    """What runs here."""

    version: str


class Query(BaseModel):
    """Parameters of a URL; what is not known is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LimitQuery(Query):
    """How many, newest first."""

    limit: int = Field(default=50, ge=1, le=1000)


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


class LaunchersQuery(PageQuery):
    """Which launchers."""

    name: Line | None = Field(default=None, max_length=200)
