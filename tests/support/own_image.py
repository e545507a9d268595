"""The image of relaunch in the registry of the test cluster."""

import fcntl
import hashlib
import tempfile
from pathlib import Path
from typing import Final

from scripts.docs import ROOT
from scripts.image.build import build_image
from scripts.image.packages import needed
from tests.support.standin.registry import Registry, digest_of

__all__ = ["REPOSITORY", "own_image"]

REPOSITORY: Final = "relaunch-tests/relaunch"
_EPOCH: Final = 1_700_000_000
_SOURCES: Final = ("service", "handlers", "consumers", "scripts/image")


def own_image(registry: str) -> str:
    """Return the digest of the image; make and push it unless it is there.

    Making it takes most of a minute of processor time, so it is named by what is in it.
    """
    host = Registry(registry)
    tag = _fingerprint()
    lock = Path(tempfile.gettempdir()) / "relaunch-tests-image.lock"
    with lock.open("a") as held:
        # Two workers make it once.
        fcntl.flock(held, fcntl.LOCK_EX)
        found = host.manifest(REPOSITORY, tag)
        if found is not None:
            return digest_of(found.body)
        image = build_image(_EPOCH)
        for blob in image.blobs.values():
            host.push_blob(REPOSITORY, blob)
        host.push_manifest(REPOSITORY, tag, image.manifest)
        return image.digest


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    for name, item in needed().items():
        digest.update(f"{name}={item.version}".encode())
    return digest.hexdigest()[:16]
