"""What a build gets back of the builds before it.

phase/restorer.go and internal/layer/metadata_restorer.go of buildpacks/lifecycle
0.20.x; https://github.com/buildpacks/spec/blob/main/platform.md#restorer
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.standin.caching import Cache, of_buildpack
from tests.support.standin.folders import Layer, describe, escaped, layers_of, unpack
from tests.support.standin.orders import say

_ALONE = 14
"""The minor platform API from which a cache gives launch layers without an image."""


def restore(
    folder: Path,
    buildpacks: Sequence[str],
    *,
    of_image: Mapping[str, Any],
    cache: Cache | None,
    minor: int,
) -> None:
    """Describe what may be reused, then bring the contents of cached layers.

    Args:
        folder: Where layers go.
        buildpacks: Those that take part.
        of_image: The metadata of the previous image, as analyze found it.
        cache: Where contents are.
        minor: Of the platform API.
    """
    if cache is not None and not cache.exists:
        say("Layer cache not found")
    of_cache = cache.metadata() if cache else {}
    for buildpack in buildpacks:
        launched = of_buildpack(of_image, buildpack)
        cached = of_buildpack(of_cache, buildpack)
        known = _described(folder, buildpack, launched, cached, minor)
        for layer in layers_of(folder, buildpack):
            if cache and cached.get(layer.name, {}).get("cache"):
                _bring(layer, cached[layer.name]["sha"], known, cache)


def _described(
    folder: Path,
    buildpack: str,
    launched: Mapping[str, Any],
    cached: Mapping[str, Any],
    minor: int,
) -> Mapping[str, str]:
    """Write descriptions; return the digest that each layer must have."""
    place, known = folder / escaped(buildpack), {}
    for name, about in launched.items():
        if _is_restored_from_image(about, cached.get(name)):
            say(f'Restoring metadata for "{buildpack}:{name}" from app image')
            describe(place / name, about["data"])
            known[name] = about["sha"]
    for name, about in cached.items():
        is_alone = name not in launched and minor >= _ALONE
        if about["cache"] and (not about["launch"] or is_alone):
            say(f'Restoring metadata for "{buildpack}:{name}" from cache')
            describe(place / name, about["data"])
            known[name] = about["sha"]
    return known


def _is_restored_from_image(
    about: Mapping[str, Any], cached: Mapping[str, Any] | None
) -> bool:
    """A layer that must have contents is described only where those come with it."""
    if not about["launch"] or (about["build"] and not about["cache"]):
        return False
    return not about["cache"] or bool(cached and cached["cache"])


def _bring(layer: Layer, sha: str, known: Mapping[str, str], cache: Cache) -> None:
    if known.get(layer.name) != sha:
        say(f'Removing "{layer.identifier}", wrong sha')
        shutil.rmtree(layer.path, ignore_errors=True)
        layer.path.with_name(f"{layer.name}.toml").unlink(missing_ok=True)
        return
    say(f'Restoring data for "{layer.identifier}" from cache')
    raw = cache.layer(sha)
    if raw is None:
        said = f"failed to find cache layer with SHA '{sha}'"
        say(f"Warning: Skipping restore for layer {layer.identifier}: {said}")
        return
    unpack(raw)
