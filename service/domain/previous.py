"""Which image a build may take layers from: facts in, decision out.

A build reuses layers of the image that was made before it, and believes what that
image says of them. So it takes the image of its nearest relative, made the same way,
and never one of another trust domain: who can write what another project or another
repository builds could otherwise put layers into this one's image.
"""

from collections.abc import Iterable

from service.domain.build import Build, BuildState

__all__ = ["previous_image"]


def previous_image(build: Build, candidates: Iterable[Build]) -> str | None:
    """Return the reference of the image whose layers a build may reuse.

    The environment's own last good image comes first, then one of the same context
    directory, then any of the repository. Whether a layer is still good is decided by
    the buildpack that made it.

    Args:
        build: The build that is about to be created.
        candidates: Builds that may have made an image, newest first.
    """
    relatives = [other for other in candidates if _is_relative(other, build)]
    nearest = min(relatives, key=lambda other: _distance(other, build), default=None)
    return None if nearest is None or nearest.image is None else nearest.image.reference


def _is_relative(other: Build, build: Build) -> bool:
    """Say whether an image is of the same trust domain, and made the same way."""
    return (
        other.id != build.id
        and other.state is BuildState.SUCCEEDED
        and other.image is not None
        and other.project_id == build.project_id
        and other.repository_url == build.repository_url
        and other.kind is build.kind
        and other.recipe == build.recipe
    )


def _distance(other: Build, build: Build) -> tuple[bool, bool]:
    return (
        other.environment_id != build.environment_id,
        other.context_dir != build.context_dir,
    )
