"""Installers that tests of definitions ask."""

import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin


@pytest.fixture(scope="session")
def poetry_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment that has poetry 1.8.3."""
    place = tmp_path_factory.mktemp("poetry") / "venv"
    uv = find_uv_bin()
    python = place / "bin" / "python"
    _run(uv, "venv", "--quiet", f"--python={sys.executable}", str(place))
    _run(uv, "pip", "install", "--quiet", f"--python={python}", "poetry==1.8.3")
    return python


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)
