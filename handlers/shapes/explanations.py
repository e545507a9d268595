"""Explanations: why something happened, or did not."""

from typing import Literal

from pydantic import Field

from handlers.shapes.builds import Build
from handlers.shapes.deliveries import DeliveryTold
from handlers.shapes.launchers import SessionLauncher
from handlers.shapes.service import Query
from handlers.shapes.sources import EvaluationTold
from handlers.shapes.strict import Line, Told

__all__ = [
    "BuildStory",
    "EvaluationStory",
    "ExplanationQuery",
    "FileTold",
    "PackageChange",
    "PackageChanges",
    "Story",
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


class FileTold(Told):
    """One path that was compared."""

    path: str
    role: str
    change: Literal["same", "changed", "added", "removed", "absent"]
    old: str | None = None
    new: str | None = None


class PackageChange(Told):
    """A package that differs from the image before."""

    name: str
    old: str | None = None
    new: str | None = None


class PackageChanges(Told):
    """How an image's packages differ from those of the launcher's image before it."""

    since: str = Field(description="The image before.")
    added: tuple[PackageChange, ...]
    removed: tuple[PackageChange, ...]
    changed: tuple[PackageChange, ...]


class BuildStory(Told):
    """What became of one launcher's wish."""

    build: Build
    launcher_name: str | None = Field(
        default=None, description="Absent when the launcher was removed since."
    )
    serves: bool = Field(description="The launcher starts from this image now.")
    seconds: float | None = Field(default=None, description="How long the work took.")
    packages: PackageChanges | None = None


class EvaluationStory(Told):
    """One look at a source, and what followed."""

    evaluation: EvaluationTold
    repository: str
    files: tuple[FileTold, ...]
    builds: tuple[BuildStory, ...]


class Story(Told):
    """The causal chain, and the same as sentences from top to bottom."""

    of: str
    about: About
    lines: tuple[str, ...]
    deliveries: tuple[DeliveryTold, ...]
    evaluations: tuple[EvaluationStory, ...]
    waiting: tuple[Build, ...] = Field(description="What no look has answered yet.")
    launcher: SessionLauncher | None = None
    behind: str | None = Field(
        default=None,
        description="What holds the launcher back from the image it asks for.",
    )
