"""Comparisons of images, and statistics."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import Field

from handlers.api.schemas.models import ResponseModel, Ulid
from handlers.api.schemas.service import Query
from service.domain.building.build import Image, Rebuild
from service.domain.building.packages import ChangedPackage
from service.usecases.updates.compare_images import ImageDifference

__all__ = [
    "ComparisonQuery",
    "ImageComparison",
    "StatisticsQuery",
    "StatisticsResponse",
]


class ComparisonQuery(Query):
    """With what a build's image is compared."""

    against: Ulid | None = Field(
        default=None,
        description="Another build; the one before of its environment when absent.",
    )


class ComparedImage(ResponseModel):
    """One of two images."""

    build_id: str
    image: str
    size: int = Field(description="Bytes.")
    built_at: datetime

    @classmethod
    def of(cls, rebuild: Rebuild, image: Image) -> "ComparedImage":
        """Report the image of a rebuild."""
        return cls(
            build_id=rebuild.id,
            image=image.reference,
            size=image.size,
            built_at=image.built_at,
        )


class PackageDelta(ResponseModel):
    """A package that one image has, or has in another version."""

    name: str
    manager: str
    before: str | None = None
    after: str | None = None


class PackageDeltas(ResponseModel):
    """How the packages of an image differ from another's."""

    added: tuple[PackageDelta, ...]
    removed: tuple[PackageDelta, ...]
    changed: tuple[PackageDelta, ...]


class ImageComparison(ResponseModel):
    """Two images, and what differs between them."""

    before: ComparedImage
    after: ComparedImage
    packages: PackageDeltas | None = Field(
        default=None, description="Absent where the packages of one are not known."
    )

    @classmethod
    def of(cls, difference: ImageDifference) -> "ImageComparison":
        """Report a difference."""
        packages = difference.packages
        return cls(
            before=ComparedImage.of(difference.before, difference.before_image),
            after=ComparedImage.of(difference.after, difference.after_image),
            packages=PackageDeltas(
                added=_deltas(packages.added),
                removed=_deltas(packages.removed),
                changed=_deltas(packages.changed),
            )
            if packages is not None
            else None,
        )


def _deltas(packages: Iterable[ChangedPackage]) -> tuple[PackageDelta, ...]:
    return tuple(
        PackageDelta(
            name=package.name,
            manager=package.manager,
            before=package.before,
            after=package.after,
        )
        for package in packages
    )


class StatisticsQuery(Query):
    """How far back."""

    days: int = Field(default=7, ge=1, le=90)


class StatisticsResponse(ResponseModel):
    """What automatic work did in a time, and what it spared."""

    since: datetime
    evaluations: dict[str, int] = Field(
        description="Evaluations by verdict; `unchanged` ones led to no build."
    )
    builds: dict[str, int] = Field(
        description="Finished builds by reason: `built` ran; `reused` took an image "
        "that was there, `adopted` shared a build of another environment."
    )
    spared_evaluations: int = Field(
        description="Evaluations after which nothing had to be built."
    )
    spared_builds: int = Field(description="Builds that got an image without running.")
    usual_seconds: float | None = Field(
        default=None, description="What a build takes; absent before the first ones."
    )
    spared_seconds: float | None = Field(
        default=None, description="What the spared builds would have taken together."
    )

    @classmethod
    def of(
        cls,
        since: datetime,
        *,
        verdicts: Mapping[str, int],
        endings: Mapping[str, int],
        takes: timedelta | None,
    ) -> "StatisticsResponse":
        """Report counts."""
        spared = endings.get("reused", 0) + endings.get("adopted", 0)
        usual = None if takes is None else round(takes.total_seconds(), 1)
        return cls(
            since=since,
            evaluations=dict(verdicts),
            builds=dict(endings),
            spared_evaluations=verdicts.get("unchanged", 0),
            spared_builds=spared,
            usual_seconds=usual,
            spared_seconds=None if usual is None else round(usual * spared, 1),
        )
