"""Installers that tests of definitions ask."""

import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

_OF_CONDA = (
    *("boltons==26.2.0", "conda-package-handling==2.6.0", "packaging==26.4"),
    *("platformdirs==4.14.8", "requests==2.34.2", "ruamel.yaml==0.19.1"),
    "tqdm==4.70.1",
)


@pytest.fixture(scope="session")
def poetry_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment that has poetry 1.8.3."""
    place = tmp_path_factory.mktemp("poetry") / "venv"
    uv = find_uv_bin()
    python = place / "bin" / "python"
    _run(uv, "venv", "--quiet", f"--python={sys.executable}", str(place))
    _run(uv, "pip", "install", "--quiet", f"--python={python}", "poetry==1.8.3")
    return python


@pytest.fixture(scope="session")
def conda_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment that has conda 24.7.1."""
    place = tmp_path_factory.mktemp("conda") / "venv"
    uv = find_uv_bin()
    python = place / "bin" / "python"
    _run(uv, "venv", "--quiet", f"--python={sys.executable}", str(place))
    install = (uv, "pip", "install", "--quiet", f"--python={python}")
    # Conda itself is in no index; this package carries it whole.
    _run(*install, "--no-deps", "conda-lock==4.0.3")
    _run(*install, *_OF_CONDA)
    return python


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)
