"""What is stored, for whom, and what would go."""

from datetime import datetime
from typing import Self

from pydantic import Field

from handlers.api.schemas.models import ResponseModel
from handlers.usecases.usage import PartUsage, StorageUsage
from service.ports.store.retention import ProjectUsage, UnusedImage

__all__ = ["UsageResponse"]


class StoredPartResponse(ResponseModel):
    """One kind of what is stored."""

    name: str
    count: int
    size: int = Field(description="Bytes or characters; 0 where nobody measures it.")
    oldest: datetime | None = None
    kept_days: float | None = Field(default=None, description="Absent for ever.")
    old: int = Field(
        description="How many are older than that. They are removed, but for what "
        "something kept refers to."
    )

    @classmethod
    def of(cls, usage: PartUsage) -> Self:
        """Report a part."""
        return cls(
            name=usage.name,
            count=usage.stored.count,
            size=usage.stored.size,
            oldest=usage.stored.oldest,
            kept_days=usage.kept.total_seconds() / 86400 if usage.kept else None,
            old=usage.stored.old,
        )


class ProjectUsageResponse(ResponseModel):
    """What is stored for a project."""

    project_id: str
    builds: int
    images: int
    image_size: int = Field(description="Bytes.")
    log_size: int = Field(description="Characters of build logs.")

    @classmethod
    def of(cls, usage: ProjectUsage) -> Self:
        """Report a project."""
        return cls(
            project_id=usage.project_id,
            builds=usage.builds,
            images=usage.images,
            image_size=usage.image_size,
            log_size=usage.log_size,
        )


class UnusedImageResponse(ResponseModel):
    """An image that nothing names, and that is old enough to be removed."""

    image: str
    size: int
    project_id: str
    repository: str
    build_id: str
    built_at: datetime | None = None

    @classmethod
    def of(cls, unused: UnusedImage) -> Self:
        """Report an image."""
        build = unused.build
        return cls(
            image=unused.reference,
            size=build.image.size if build.image else 0,
            project_id=build.project_id,
            repository=build.repository_url,
            build_id=build.id,
            built_at=build.completed_at,
        )


class UsageResponse(ResponseModel):
    """What holds storage."""

    parts: list[StoredPartResponse]
    projects: list[ProjectUsageResponse] = Field(
        description="Those with the largest images."
    )
    unused_images: list[UnusedImageResponse] = Field(
        description="What the next rounds remove, oldest first; at most a thousand."
    )

    @classmethod
    def of(cls, usage: StorageUsage) -> Self:
        """Report all of it."""
        return cls(
            parts=[StoredPartResponse.of(part) for part in usage.parts],
            projects=[ProjectUsageResponse.of(project) for project in usage.projects],
            unused_images=[UnusedImageResponse.of(one) for one in usage.unused_images],
        )
