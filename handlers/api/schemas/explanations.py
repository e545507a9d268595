"""Explanations: why something happened, or did not."""

from typing import Literal

from pydantic import Field

from handlers.api.schemas.builds import BuildDetails
from handlers.api.schemas.deliveries import DeliveryResponse
from handlers.api.schemas.launchers import LauncherDetails
from handlers.api.schemas.models import Line, ResponseModel
from handlers.api.schemas.service import Query
from handlers.api.schemas.sources import EvaluationResponse

__all__ = [
    "BuildTrace",
    "DefinitionFileResponse",
    "EvaluationTrace",
    "Explanation",
    "ExplanationQuery",
    "PackageChange",
    "PackageChanges",
]

About = Literal["delivery", "commit", "launcher", "build", "evaluation"]


class ExplanationQuery(Query):
    """What to explain."""

    of: Line = Field(
        min_length=1,
        max_length=500,
        description="A delivery's id (ours or the forge's), the first seven digits or "
        "more of a commit, a launcher's id or name, a build's id, an evaluation's id.",
    )


class DefinitionFileResponse(ResponseModel):
    """One path that was compared."""

    path: str
    role: str
    change: Literal["same", "changed", "added", "removed", "absent"]
    old: str | None = None
    new: str | None = None


class PackageChange(ResponseModel):
    """A package that differs from the image before."""

    name: str
    old: str | None = None
    new: str | None = None


class PackageChanges(ResponseModel):
    """How an image's packages differ from those of the launcher's image before it."""

    since: str = Field(description="The image before.")
    added: tuple[PackageChange, ...]
    removed: tuple[PackageChange, ...]
    changed: tuple[PackageChange, ...]


class BuildTrace(ResponseModel):
    """The outcome of one launcher's request."""

    build: BuildDetails
    launcher_name: str | None = Field(
        default=None, description="Absent when the launcher was removed since."
    )
    serves: bool = Field(description="The launcher starts from this image now.")
    seconds: float | None = Field(default=None, description="How long the work took.")
    packages: PackageChanges | None = None


class EvaluationTrace(ResponseModel):
    """One evaluation of a source, and what followed."""

    evaluation: EvaluationResponse
    repository: str
    files: tuple[DefinitionFileResponse, ...]
    builds: tuple[BuildTrace, ...]


class Explanation(ResponseModel):
    """The causal chain, and the same as sentences from top to bottom."""

    of: str
    about: About
    lines: tuple[str, ...]
    deliveries: tuple[DeliveryResponse, ...]
    evaluations: tuple[EvaluationTrace, ...]
    waiting: tuple[BuildDetails, ...] = Field(
        description="Requests that no evaluation has answered yet."
    )
    launcher: LauncherDetails | None = None
    behind: str | None = Field(
        default=None,
        description="What holds the launcher back from the image it asks for.",
    )
