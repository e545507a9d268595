"""Read from Job, pod and image which images a build used; pure.

The options are not used: they may have changed since the Job was created.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.adapters.kubernetes.oci.responses import parse_object
from service.adapters.kubernetes.oci.sbom import LABEL

__all__ = ["builder_image", "previous_image", "run_image"]

Json = Mapping[str, Any]

_BUILDERS: Final = ("build", "creator")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}$")


def builder_image(job: Json, pod: Json | None) -> str:
    """Return the image of the build phase; by digest when that is known.

    Args:
        job: The Job.
        pod: Its pod, whose status has the `imageID` that the node reports.
    """
    requested = next(
        (
            container["image"]
            for container in _containers(job)
            if _is_build_phase(container)
        ),
        "",
    )
    # The Job names the image by digest once the tag was resolved; that is what ran,
    # whatever the node reports.
    if "@" in requested:
        return str(requested)
    status: Json = (pod or {}).get("status") or {}
    statuses = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    reported = next(
        (str(item.get("imageID") or "") for item in statuses if _is_build_phase(item)),
        "",
    )
    # Some runtimes report the digest of the image's configuration, without a
    # repository: that is no reference to an image.
    repository, has_repository, digest = reported.partition("@")
    if not has_repository or not _DIGEST.fullmatch(digest):
        return str(requested)
    # A node that has the same image from two repositories names either, and only the
    # one it names is sure to have the digest.
    return f"{repository.rpartition('://')[2]}@{digest}"


def run_image(job: Json, config: Json) -> str:
    """Return the run image of a build; by digest when the lifecycle recorded it.

    Args:
        job: The Job.
        config: The image's configuration, with the lifecycle's label:
            https://github.com/buildpacks/spec/blob/main/platform.md#iobuildpackslifecyclemetadata-json
    """
    recorded = _read_run_image(config)
    if "@" in recorded:
        return recorded
    return _read_flag(job, "-run-image") or recorded


def previous_image(job: Json) -> str:
    """Return the image whose layers a build might reuse; empty for none."""
    return _read_flag(job, "-previous-image")


def _read_run_image(config: Json) -> str:
    try:
        metadata = parse_object(str(config["config"]["Labels"][LABEL]).encode())
        return str(metadata["runImage"]["reference"])
    except (ValueError, LookupError, TypeError):
        return ""


def _read_flag(job: Json, wanted: str) -> str:
    """Return the value of a flag in the arguments of the phases; empty without."""
    for container in _containers(job):
        for argument in container.get("args") or ():
            name, _, value = str(argument).partition("=")
            if name == wanted and value:
                return value
    return ""


def _containers(job: Json) -> Iterator[Json]:
    spec = job["spec"]["template"]["spec"]
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _is_build_phase(container: Json) -> bool:
    return container.get("name") in _BUILDERS
