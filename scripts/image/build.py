"""The image, out of its parts."""

import os
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.docs import ROOT
from scripts.image.base import USER, base
from scripts.image.metadata import files
from scripts.image.packages import LIBRARY, application, libraries, needed
from scripts.image.packing import Image, Tree, layer, packed

__all__ = ["build_image", "config", "own_tree", "source_date"]


def build_image(epoch: int) -> Image:
    """Return the image: the system below, others' packages, and ours on top."""
    packages = libraries()
    loaded = [
        path
        for name, path in packages.items()
        if isinstance(path, Path) and ".so" in Path(name).suffixes
    ]
    layers = [base(loaded), packages, own_tree()]
    return packed(
        [layer(tree, epoch=epoch) for tree in layers],
        config=config(version("relaunch"), _revision()),
        epoch=epoch,
    )


def config(release: str, revision: str) -> Mapping[str, Any]:
    """Return how the image starts; the Dockerfile sets the same."""
    return {
        "User": f"{USER}:{USER}",
        "WorkingDir": "/var/lib/relaunch",
        "Entrypoint": ["relaunch"],
        "Env": [
            "PATH=/opt/relaunch/bin:/usr/local/bin:/usr/bin:/bin",
            f"PYTHONPATH=/{LIBRARY}",
            "PYTHONDONTWRITEBYTECODE=1",
            "PYTHONUNBUFFERED=1",
            "RELAUNCH_DATA=/var/lib/relaunch",
            "HOME=/var/lib/relaunch",
        ],
        "ExposedPorts": {"8080/tcp": {}},
        "Labels": {
            "org.opencontainers.image.title": "relaunch",
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.version": release,
            "org.opencontainers.image.revision": revision,
        },
    }


def source_date() -> int:
    """Return the time that all files get: `SOURCE_DATE_EPOCH`, or the last commit's.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")  # noqa: TID251 - the convention's name
    return int(given or _git("log", "-1", "--format=%ct") or "0")


def own_tree() -> Tree:
    """Return our files, and what the image says of itself."""
    project = (ROOT / "pyproject.toml").read_text()
    texts = files(project, needed().values())
    return {
        **application(),
        **{f"opt/relaunch/{name}": text.encode() for name, text in texts.items()},
    }


def _revision() -> str:
    return _git("rev-parse", "HEAD")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - git itself
    return answer.stdout.strip()
