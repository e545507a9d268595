"""The version before, out of this repository's history, run by this environment.

Its dependencies are a part of ours, so it needs no environment of its own: a process
whose working directory is its tree imports its packages before those installed here.
"""

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.docs import ROOT
from tests.support.service import Service

__all__ = ["BEFORE", "SETTINGS_BEFORE", "OldService", "source_before"]

BEFORE: Final = "86dd585db8e7b4eb94735478e6797c18e08537c2"
"""The last commit before the tables and events of 0.2.0."""
SETTINGS_BEFORE: Final = {
    "RELAUNCH_EVALUATION_DEBOUNCE": "RELAUNCH_LOOK_QUIET",
}
"""Names of now, and those of then."""


class OldService(Service):
    """A process of the version before."""

    def __init__(
        self, data: Path, *, source: Path, role: str, name: str = "", **variables: str
    ) -> None:
        given = {
            SETTINGS_BEFORE.get(name, name): text for name, text in variables.items()
        }
        super().__init__(data, role=role, name=f"old{name}", **given)
        self.source = source

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Ask below the one root that it has."""
        headers = {"Authorization": f"Bearer {self._token()}"}
        raw = None if body is None else json.dumps(body).encode()
        return self._send(method, f"/api/data{path}", headers, raw)


def source_before(folder: Path) -> Path:
    """Write the code of the version before; skip where the history lacks it."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", BEFORE],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"this clone has no commit {BEFORE[:7]}: it is shallow")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
