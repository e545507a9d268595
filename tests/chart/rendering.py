"""The chart, rendered by Helm: what a set of values installs."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from scripts.docs import ROOT
from scripts.tools import FOLDER

__all__ = ["CHART", "MINIMAL", "Helm", "RefusedError", "find_helm", "merged", "named"]

CHART: Final = ROOT / "charts" / "relaunch"
MINIMAL: Final[Mapping[str, Any]] = {
    "settings": {
        "public_url": "https://relaunch.example.org",
        "kubernetes": {
            "builder_image": "registry.example.org/builder:1",
            "run_image": "registry.example.org/run:1",
            "target": "registry.example.org/renku-build",
        },
    },
    "secrets": {
        name: {"existingSecret": "relaunch"}
        for name in ("database", "token", "secretKey")
    },
}
"""The least that has to be set."""

Object = dict[str, Any]


class RefusedError(Exception):
    """Helm renders nothing; the message is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Helm:
    """The program."""

    program: str

    def run(self, *arguments: str, given: str = "") -> str:
        """Return what it prints.

        Raises:
            RefusedError: It failed.
        """
        process = subprocess.run(
            [self.program, *arguments],
            input=given,
            text=True,
            capture_output=True,
            check=False,
            timeout=200,  # an installation waits for its pods
            env={**os.environ, "HELM_DRIVER": "secret"},  # noqa: TID251 - its settings
        )
        if process.returncode:
            raise RefusedError(process.stderr or process.stdout)
        return process.stdout

    def render(self, *values: Mapping[str, Any], flags: Sequence[str] = ()) -> str:
        """Return the manifests of a release `relaunch` in the namespace `apps`."""
        given = json.dumps(merged(MINIMAL, *values))
        command = ["template", "relaunch", str(CHART), "--namespace", "apps"]
        return self.run(*command, "--values", "-", *flags, given=given)

    def notes(self, *values: Mapping[str, Any]) -> str:
        """Return what Helm says after the installation, without any cluster."""
        given = json.dumps(merged(MINIMAL, *values))
        command = ["install", "relaunch", str(CHART), "--namespace", "apps"]
        shown = self.run(*command, "--dry-run=client", "--values", "-", given=given)
        return shown.partition("\nNOTES:\n")[2]

    def objects(
        self, *values: Mapping[str, Any], flags: Sequence[str] = ()
    ) -> list[Object]:
        """Return the objects of these manifests."""
        read = YAML(typ="safe").load_all(self.render(*values, flags=flags))
        return [item for item in read if item]


def find_helm() -> Helm:
    """Return Helm, or skip: `make tools` fetches it where it can be had."""
    own = FOLDER / "helm"
    program = str(own) if own.is_file() else shutil.which("helm")
    if program is None:
        pytest.skip("no helm: neither in PATH nor fetched by make tools")
    return Helm(program=program)


def merged(*values: Mapping[str, Any]) -> dict[str, Any]:
    """Lay values over values, as Helm does: maps are merged, all else is replaced."""
    found: dict[str, Any] = {}
    for layer in values:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
            found[key] = merged(found[key], value) if both else value
    return found


def named(objects: Sequence[Object], kind: str, name: str) -> Object:
    """Return the object of a kind and a name."""
    (found,) = (
        item
        for item in objects
        if item["kind"] == kind and item["metadata"]["name"] == name
    )
    return found


def read_yaml(path: Path) -> Any:
    """Return what a file of YAML holds."""
    return YAML(typ="safe").load(path)
