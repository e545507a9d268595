"""What Jobs, labels, annotations and images are called: equal builds, equal names."""

import hashlib
import json
import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.build import Build, BuildId

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
    "safe",
    "selector",
    "smoke_job_name",
    "target_image",
]

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
COMPONENT: Final = "app.kubernetes.io/component"
INSTANCE: Final = "app.kubernetes.io/instance"
"""Whose objects they are, where installations share a namespace."""
MANAGER: Final = "relaunch"
BUILD_COMPONENT: Final = "build"
SMOKE_COMPONENT: Final = "smoke"
BUILD: Final = "relaunch.dev/build"
ATTEMPT: Final = "relaunch.dev/attempt"
KEY: Final = "relaunch.dev/key"
"""The label holds what fits of the key; the annotation of this name all of it."""
PROJECT: Final = "relaunch.dev/project"

_LONGEST: Final = 63
"""Of a label's value, and of a Job whose pods are named for it:
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""
_DIGEST: Final = 10
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")


def job_name(build: Build) -> str:
    """Name the Job of one attempt; starting it twice is starting it once."""
    return _job_name(build, prefix="relaunch")


def smoke_job_name(build: Build) -> str:
    """Name the Job that tries the image of one attempt."""
    return _job_name(build, prefix="relaunch-smoke")


def labels(build: Build, *, component: str, instance: str) -> dict[str, str]:
    """Say by which labels a build's objects are found."""
    return {
        MANAGED_BY: MANAGER,
        INSTANCE: instance,
        COMPONENT: component,
        BUILD: safe(build.id),
        KEY: safe(build.key),
        PROJECT: safe(build.project_id),
        ATTEMPT: str(build.attempt),
    }


def annotations(build: Build) -> dict[str, str]:
    """Say in full what labels have no room for, in Renku's words where it has some."""
    trace = {"relaunch.dev/traceparent": build.traceparent}
    return {
        BUILD: build.id,
        KEY: build.key,
        **{name: it for name, it in trace.items() if it},
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
    """Select the objects of an installation, of one build or of all."""
    mine = f"{MANAGED_BY}={MANAGER},{INSTANCE}={instance}"
    return mine if build is None else f"{mine},{BUILD}={safe(build)}"


def target_image(build: Build, options: KubernetesOptions) -> str:
    """Name the image to push: a repository for each key, a tag for each build."""
    return f"{options.target}/env-{_digest(build.key, 40)}:{_lower(build.id, 63)}"


def cache_name(build: Build) -> str:
    """Name the cache of an environment: nobody else's code writes into it.

    An environment that follows another repository has another cache: what the one left
    there would get into images of the other.
    """
    owners = (build.project_id, build.environment_id, plain_url(build.repository_url))
    return f"cache-{_digest(chr(0).join(owners), 40)}"


def identity(options: KubernetesOptions) -> str:
    """Say what builds: the builder image, and a digest of all else that counts."""
    counts: dict[str, object] = {
        "run_image": options.pinned(options.run_image),
        "variables": dict(options.variables),
        "platforms": {
            name: [
                image and options.pinned(image)
                for image in (it.builder_image, it.run_image)
            ]
            for name, it in options.platforms.items()
        },
        "submodules": options.submodules,
        "lfs": options.lfs,
    }
    if options.process_types:
        counts["process_types"] = dict(options.process_types)
    digest = _digest(json.dumps(counts, sort_keys=True), 12)
    return f"{options.pinned(options.builder_image)} ({digest})"


def safe(text: str) -> str:
    """Turn a text into a label's value; different texts stay different.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
    """
    return _fit(text, _LONGEST)


def _job_name(build: Build, *, prefix: str) -> str:
    room = _LONGEST - len(prefix) - len(f"--{build.attempt}")
    return f"{prefix}-{_lower(build.id, room)}-{build.attempt}"


def _lower(text: str, room: int) -> str:
    """Lower a text for names, which know no other letters and no underscore."""
    lowered = text.lower().replace("_", "-").replace(".", "-")
    fitting = _fit(lowered, room)
    return fitting if fitting == text.lower() else _marked(lowered, text, room)


def _fit(text: str, room: int) -> str:
    fits = not _UNFIT.search(text) and text == text.strip("._-")
    if text and fits and len(text) <= room:
        return text
    # The key is hexadecimal and long enough to tell apart by its beginning.
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return text[:room]
    return _marked(text, text, room)


def _marked(text: str, original: str, room: int) -> str:
    """Cut a text and mark it with a digest of what it was."""
    kept = _UNFIT.sub("-", text)[: room - _DIGEST - 1].strip("._-")
    mark = _digest(original, _DIGEST)
    return f"{kept}-{mark}" if kept else f"x-{mark}"


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
