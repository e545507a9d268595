"""Detect what a repository declares, and install it with pip, for real."""

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.standin.orders import say

BUILDPACK = "standin/pip"
LAYER = "standin_pip"
PACKAGES = "packages"
_DEFINITIONS = ("requirements.txt", "environment.yml", "pyproject.toml")
_DEFAULTS = re.compile(r"^\s*-\s*defaults\s*$", re.MULTILINE)


class BuildpackError(Exception):
    """A buildpack's build failed; the message is the lifecycle's."""


def definition_in(app: Path) -> str | None:
    """Return the file that wins; None when there is none."""
    return next((it for it in _DEFINITIONS if (app / it).is_file()), None)


def install(app: Path, layers: Path, environment: Mapping[str, str]) -> None:
    """Install what the definition asks for into a layer.

    Raises:
        BuildpackError: The buildpack failed; what it said is in the log.
    """
    found = definition_in(app)
    if found == "environment.yml":
        _refuse_defaults(app / found)
    target = layers / LAYER / PACKAGES
    target.mkdir(parents=True, exist_ok=True)
    wanted = {
        "requirements.txt": ["--requirement", "requirements.txt"],
        "pyproject.toml": ["."],
    }.get(found or "", [])
    if wanted:
        _pip(wanted, app=app, target=target, environment=environment)
    _put_on_path(target)
    _write_sbom(target, layers)


def _refuse_defaults(path: Path) -> None:
    """Fail as Renku's buildpack conda-nodefaults does."""
    if _DEFAULTS.search(path.read_text()):
        say("\n\033[1m!!! defaults channel detected !!! \033[0m")
        raise BuildpackError("exit status 100")


def _pip(
    wanted: list[str], *, app: Path, target: Path, environment: Mapping[str, str]
) -> None:
    say("Stand-in Buildpack for Pip Install")
    say(f"  Running 'pip install {' '.join(wanted)}'")
    command = [sys.executable, "-m", "pip", "install", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--target", str(target)]
    done = subprocess.run(
        [*command, *wanted], cwd=app, env=dict(environment), check=False
    )
    if done.returncode:
        say("failed to install pip packages")
        raise BuildpackError("exit status 1")


def _put_on_path(target: Path) -> None:
    """Let processes import the layer: buildpack.md, environment variable modification.

    Only the launcher sets it, so only what the launcher starts finds the packages.
    """
    folder = target / "env.launch"
    folder.mkdir(exist_ok=True)
    (folder / "PYTHONPATH.prepend").write_text(str(target))
    (folder / "PYTHONPATH.delim").write_text(":")


def _write_sbom(target: Path, layers: Path) -> None:
    """Say what was installed: https://cyclonedx.org/docs/1.4/json/."""
    found = sorted(
        (it.metadata["Name"], it.version)
        for it in importlib.metadata.distributions(path=[str(target)])
    )
    components = [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
        }
        for name, version in found
    ]
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.4", "components": components}
    path = layers / f"{LAYER}.sbom.cdx.json"
    path.write_text(json.dumps(bom))
