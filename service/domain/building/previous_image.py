"""The choice of the image whose layers a build may reuse.

A build trusts the metadata of the layers that it reuses. So the previous image must be
of the same project, repository, kind and build spec: whoever controls another project
or repository could otherwise put layers into this one's image.
"""

from collections.abc import Iterable

from service.domain.building.build import Build, BuildState

__all__ = ["choose_previous_image"]


def choose_previous_image(build: Build, candidates: Iterable[Build]) -> str | None:
    """Return the reference of the image whose layers a build may reuse.

    The environment's own last good image comes first, then one of the same context
    directory, then any of the repository. The buildpack that made a layer decides
    whether it is still valid.

    Args:
        build: The build that is about to be created.
        candidates: Builds that may have produced an image, newest first.
    """
    relatives = [other for other in candidates if _is_relative(other, build)]
    nearest = min(relatives, key=lambda other: _distance(other, build), default=None)
    return None if nearest is None or nearest.image is None else nearest.image.reference


def _is_relative(other: Build, build: Build) -> bool:
    """Return whether a build has an image of the same trust domain and build spec."""
    return (
        other.id != build.id
        and other.state is BuildState.SUCCEEDED
        and other.image is not None
        and other.project_id == build.project_id
        and other.repository_url == build.repository_url
        and other.kind is build.kind
        and other.spec == build.spec
    )


def _distance(other: Build, build: Build) -> tuple[bool, bool]:
    return (
        other.environment_id != build.environment_id,
        other.context_dir != build.context_dir,
    )
