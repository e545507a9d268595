"""Names of Jobs, labels, annotations and images; deterministic for a build."""

import hashlib
import json
import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.building.build import Build, BuildId
from service.events.spans import build_step
from service.events.trace import child_traceparent

__all__ = [
    "ATTEMPT",
    "BUILD",
    "BUILD_COMPONENT",
    "COMPONENT",
    "INSTANCE",
    "KEY",
    "MANAGED_BY",
    "MANAGER",
    "PROJECT",
    "SMOKE_COMPONENT",
    "annotations",
    "cache_name",
    "identity",
    "job_name",
    "labels",
    "plain_url",
    "selector",
    "smoke_job_name",
    "target_image",
    "to_label_value",
]

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
COMPONENT: Final = "app.kubernetes.io/component"
INSTANCE: Final = "app.kubernetes.io/instance"
"""The owner of objects when several installations share a namespace."""
MANAGER: Final = "relaunch"
BUILD_COMPONENT: Final = "build"
SMOKE_COMPONENT: Final = "smoke"
BUILD: Final = "relaunch.dev/build"
ATTEMPT: Final = "relaunch.dev/attempt"
KEY: Final = "relaunch.dev/key"
"""The label holds the beginning of the key, the annotation of this name all of it."""
PROJECT: Final = "relaunch.dev/project"

_LONGEST: Final = 63
"""The maximum length of a label value, and of the name of a Job:
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""
_DIGEST: Final = 10
_INVALID: Final = re.compile(r"[^A-Za-z0-9._-]+")


def job_name(build: Build) -> str:
    """Return the name of an attempt's Job; it makes starting idempotent."""
    return _job_name(build, prefix="relaunch")


def smoke_job_name(build: Build) -> str:
    """Return the name of the smoke test's Job of an attempt."""
    return _job_name(build, prefix="relaunch-smoke")


def labels(build: Build, *, component: str, instance: str) -> dict[str, str]:
    """Return the labels by which a build's objects are selected."""
    return {
        MANAGED_BY: MANAGER,
        INSTANCE: instance,
        COMPONENT: component,
        BUILD: to_label_value(build.id),
        KEY: to_label_value(build.key),
        PROJECT: to_label_value(build.project_id),
        ATTEMPT: str(build.attempt),
    }


def annotations(build: Build) -> dict[str, str]:
    """Return the annotations of a build's objects, some under Renku's names."""
    # What runs in the Job is caused by the build, not by what requested it.
    context = child_traceparent(build.traceparent, build_step(build.id))
    trace = {"relaunch.dev/traceparent": context}
    return {
        BUILD: build.id,
        KEY: build.key,
        **{name: text for name, text in trace.items() if text},
        "relaunch.dev/commit": build.commit,
        "relaunch.dev/repository": plain_url(build.repository_url),
        "relaunch.dev/definition": build.path,
        "renku.io/build_id": build.id,
        "renku.io/environment_id": build.environment_id,
        "renku.io/project_id": build.project_id,
    }


def plain_url(url: str) -> str:
    """Return a URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def selector(instance: str, *, build: BuildId | None = None) -> str:
    """Return the label selector of an installation's objects, for one build or all."""
    own = f"{MANAGED_BY}={MANAGER},{INSTANCE}={instance}"
    return own if build is None else f"{own},{BUILD}={to_label_value(build)}"


def target_image(build: Build, options: KubernetesOptions) -> str:
    """Return the image to push: one repository for each key, one tag for each build."""
    # A tag of its own for each build: two attempts never overwrite what a launcher may
    # be using.
    return f"{options.target}/env-{_digest(build.key, 40)}:{_lower(build.id, 63)}"


def cache_name(build: Build) -> str:
    """Return the name of an environment's cache, to which only its builds write."""
    # The repository and its visibility are part of the name: what the code of one
    # repository wrote to a cache must not get into images of another, nor anything of a
    # private repository into images of a public one.
    owners = [build.project_id, build.environment_id, plain_url(build.repository_url)]
    owners += [build.spec.private_to] if build.spec.private_to else []
    return f"cache-{_digest(chr(0).join(owners), 40)}"


def identity(options: KubernetesOptions) -> str:
    """Return the builder's identity: its image, and a digest of relevant options."""
    relevant: dict[str, object] = {
        "run_image": options.pin(options.run_image),
        "variables": dict(options.variables),
        "platforms": {
            name: [
                image and options.pin(image)
                for image in (item.builder_image, item.run_image)
            ]
            for name, item in options.platforms.items()
        },
        # Only options that change what an image contains. With a timeout or a node
        # selector in it, changing those would rebuild everything.
        "submodules": options.submodules,
        "lfs": options.lfs,
    }
    if options.process_types:
        relevant["process_types"] = dict(options.process_types)
    digest = _digest(json.dumps(relevant, sort_keys=True), 12)
    return f"{options.pin(options.builder_image)} ({digest})"


def to_label_value(text: str) -> str:
    """Convert a text into a label value; different texts give different values.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
    """
    return _fit(text, _LONGEST)


def _job_name(build: Build, *, prefix: str) -> str:
    room = _LONGEST - len(prefix) - len(f"--{build.attempt}")
    return f"{prefix}-{_lower(build.id, room)}-{build.attempt}"


def _lower(text: str, room: int) -> str:
    """Convert a text for names, which allow neither capitals nor underscores."""
    lowered = text.lower().replace("_", "-").replace(".", "-")
    fitting = _fit(lowered, room)
    # Ids that differ in capitals only must not share a name, so whatever was changed
    # gets a digest of the original.
    return fitting if fitting == text.lower() else _append_digest(lowered, text, room)


def _fit(text: str, room: int) -> str:
    fits = not _INVALID.search(text) and text == text.strip("._-")
    if text and fits and len(text) <= room:
        return text
    # A build key is a SHA-256 in hexadecimal: its beginning is unique enough, and can
    # be searched for.
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return text[:room]
    return _append_digest(text, text, room)


def _append_digest(text: str, original: str, room: int) -> str:
    """Shorten a text and append a digest of the original."""
    kept = _INVALID.sub("-", text)[: room - _DIGEST - 1].strip("._-")
    mark = _digest(original, _DIGEST)
    return f"{kept}-{mark}" if kept else f"x-{mark}"


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
