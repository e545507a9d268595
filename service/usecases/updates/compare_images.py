"""The images of builds, and how two of them differ."""

from dataclasses import dataclass
from typing import Final

from service.domain.building.build import Build, BuildId, BuildState, Image, Rebuild
from service.domain.building.packages import PackageDifference, compare_packages
from service.errors import InvalidRequestError, NotFoundError
from service.ports.store import Transaction

__all__ = [
    "ImageDifference",
    "compare_images",
    "find_image",
    "find_previous",
    "find_work",
    "image_of_work",
]

LOOKED_BACK: Final = 50
"""Earlier rebuilds among which the image before is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDifference:
    """Two images of builds, and what differs between them."""

    before: Rebuild
    before_image: Image
    after: Rebuild
    after_image: Image
    packages: PackageDifference | None
    """None where the packages of one are not known."""


async def compare_images(
    tx: Transaction, after: Rebuild, before: Rebuild | None = None
) -> ImageDifference:
    """Compare the image of a rebuild with that of another one.

    Args:
        tx: The transaction.
        after: A rebuild that succeeded.
        before: Another one; None for the one before of its environment that had
            another image.

    Raises:
        InvalidRequestError: One of them has no image, or there is none before.
    """
    image = await _image_of(tx, after)
    before = before or await find_previous(tx, after)
    if before is None:
        raise InvalidRequestError(
            f"Build {after.id} has no earlier image to compare with; expected the id "
            "of another build."
        )
    earlier = await _image_of(tx, before)
    return ImageDifference(
        before=before,
        before_image=earlier,
        after=after,
        after_image=image,
        packages=compare_packages(earlier, image),
    )


async def find_previous(tx: Transaction, rebuild: Rebuild) -> Rebuild | None:
    """Return the rebuild before of the same environment that had another image."""
    # Bounded: a person who rebuilt without a change a hundred times learns that there
    # is nothing to compare, which costs less than reading a whole history.
    latest = await tx.rebuilds.of_environment(rebuild.environment_id, limit=LOOKED_BACK)
    for earlier in latest:  # newest first
        is_earlier = earlier.id < rebuild.id and earlier.state is BuildState.SUCCEEDED
        if is_earlier and earlier.image != rebuild.image:
            return earlier
    return None


async def find_image(tx: Transaction, rebuild: Rebuild) -> Image | None:
    """Return what is known of the image that a rebuild ended with."""
    work = await find_work(tx, rebuild.build_id) if rebuild.build_id else None
    return await image_of_work(tx, rebuild, work)


async def find_work(tx: Transaction, build: BuildId) -> Build | None:
    """Return a build; None where its image is all that was kept."""
    try:
        return await tx.builds.get(build)
    except NotFoundError:
        return None


async def image_of_work(
    tx: Transaction, rebuild: Rebuild, work: Build | None
) -> Image | None:
    """Return the image of a rebuild whose build was read already."""
    if rebuild.image is None:
        return None
    if work and work.image and work.image.reference == rebuild.image:
        return work.image
    # The record of the build may be gone after its retention; images are kept by key.
    newest = await tx.builds.image(rebuild.plan.key) if rebuild.plan else None
    return newest if newest and newest.reference == rebuild.image else None


async def _image_of(tx: Transaction, rebuild: Rebuild) -> Image:
    image = await find_image(tx, rebuild)
    if image is None:
        is_there = rebuild.image is not None
        raise InvalidRequestError(
            f"Build {rebuild.id} has status {rebuild.state.value}, and no image that "
            + ("is known any more." if is_there else "could be compared.")
        )
    return image
