"""Packages of npm's registry, fetched once into `.make/npm`."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest

__all__ = ["npm_packages"]

_CACHE: Final = Path(__file__).parents[2] / ".make" / "npm"
_FLAGS: Final = ("--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1")


def npm_packages(*packages: str) -> Path:
    """Return a folder with packages in `node_modules`; skip where that cannot be.

    Args:
        packages: Each with its version, `name@1.2.3`.
    """
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine")
    name = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
    folder = _CACHE / name
    if folder.exists():
        return folder
    _CACHE.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=_CACHE))
    (made / "package.json").write_text("{}")
    done = subprocess.run(
        [npm, "install", *_FLAGS, *packages], cwd=made, capture_output=True, check=False
    )
    if done.returncode != 0:
        shutil.rmtree(made)
        said = done.stderr.decode("utf-8", "replace")[-200:]
        pytest.skip(f"npm cannot install {packages}: {said}")
    try:
        made.rename(folder)
    except OSError:  # another worker was faster
        shutil.rmtree(made)
    return folder
