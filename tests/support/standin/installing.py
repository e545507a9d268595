"""Detect what a repository declares, and install it with pip, for real."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from tests.support.standin.folders import Types, describe
from tests.support.standin.orders import say
from tests.support.standin.registry import digest_of

BUILDPACK = "standin/pip"
LAYER = "standin_pip"
PACKAGES = "packages"
_DEFINITIONS = ("requirements.txt", "environment.yml", "pyproject.toml")
_DEFAULTS = re.compile(r"^\s*-\s*defaults\s*$", re.MULTILINE)


class BuildpackError(Exception):
    """A buildpack's build failed; the message is the lifecycle's."""


def definition_in(app: Path) -> str | None:
    """Return the file that wins; None when there is none."""
    return next(
        (definition for definition in _DEFINITIONS if (app / definition).is_file()),
        None,
    )


def install(app: Path, layers: Path, environment: Mapping[str, str]) -> None:
    """Install what the definition asks for into a layer.

    Raises:
        BuildpackError: The buildpack failed; what it said is in the log.
    """
    found = definition_in(app)
    if found == "environment.yml":
        _refuse_defaults(app / found)
    mark = {"definition": digest_of((app / (found or "")).read_bytes())}
    target = layers / LAYER / PACKAGES
    if target.is_dir() and _restored(target) == mark:
        say(f"  Reusing cached layer {target}")
    else:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        _install(found, app=app, target=target, environment=environment)
    describe(target, mark, Types(launch=True, cache=True))
    _make_others(layers / LAYER, mark)
    _write_sbom(target, layers)


def _install(
    found: str | None, *, app: Path, target: Path, environment: Mapping[str, str]
) -> None:
    wanted = {
        "requirements.txt": ["--requirement", "requirements.txt"],
        "pyproject.toml": ["."],
    }.get(found or "", [])
    if wanted:
        _pip(wanted, app=app, target=target, environment=environment)
    _put_on_path(target)


def _make_others(place: Path, mark: Mapping[str, str]) -> None:
    """Make a layer of each other kind: what is known of it decides what is made.

    https://github.com/buildpacks/spec/blob/main/buildpack.md#layer-types
    """
    about = place / "about"
    if _restored(about) == mark:
        say(f"  Reusing layer {about} of the previous image")
    else:
        about.mkdir()
        (about / "definition").write_text(mark["definition"])
    describe(about, mark, Types(launch=True))
    for name, types in (("wheels", Types(cache=True)), ("tools", Types(build=True))):
        kind = "restored" if (place / name).is_dir() else "made"
        say(f"  Layer {name} is {kind}")
        (place / name).mkdir(exist_ok=True)
        describe(place / name, mark, types)


def _restored(layer: Path) -> Mapping[str, str] | None:
    """Return what was known of a layer; None when it was not restored."""
    path = layer.with_name(f"{layer.name}.toml")
    if not path.exists():
        return None
    found: Mapping[str, str] = tomllib.loads(path.read_text())["metadata"]
    return found


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
        (distribution.metadata["Name"], distribution.version)
        for distribution in importlib.metadata.distributions(path=[str(target)])
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
    # phase/builder.go copySBOMFiles: the builder lays them where the exporter looks.
    path = layers / "sbom" / "launch" / LAYER / PACKAGES / "sbom.cdx.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(bom))
