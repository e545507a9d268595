"""Ask conda itself what it makes of specifications and files.

It runs with conda's interpreter; standard input and output are JSON. This is conda
24.7.1, whole and unchanged in a package that carries it along; the package itself is
not imported, which would need more.
"""
# mypy: disable-error-code="import-not-found"

import contextlib
import importlib.util
import io
import json
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

_HOME = "conda_lock"


def _prepare() -> None:
    found = importlib.util.find_spec(_HOME)
    assert found is not None
    home = types.ModuleType(_HOME)
    home.__path__ = list(found.submodule_search_locations or ())
    sys.modules[_HOME] = home


_prepare()

from conda_lock._vendor.conda.cli.common import spec_from_line  # noqa: E402
from conda_lock._vendor.conda.env import env  # noqa: E402
from conda_lock._vendor.conda.models.match_spec import MatchSpec  # noqa: E402


def spec(text: str) -> dict[str, str]:
    """Return conda's own form of a specification, or why there is none."""
    try:
        # The solver parses this form once more.
        return {"form": str(MatchSpec(str(MatchSpec(text))))}
    except Exception as exc:  # noqa: BLE001 - conda ends with whatever it is
        return {"refused": f"{type(exc).__name__}: {exc}"}


def line(text: str) -> dict[str, str]:
    """Return what a line of a package list asks for."""
    try:
        written = spec_from_line(text.strip())
    except Exception as exc:  # noqa: BLE001
        return {"refused": f"{type(exc).__name__}: {exc}"}
    return {"refused": "no specification"} if written is None else spec(written)


def file(content: str) -> dict[str, Any]:
    """Return what is installed of an environment file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "environment.yml"
        path.write_text(content)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                found = env.from_file(str(path))
            packages = dict(found.dependencies)
            for text in packages.get("conda", ()):
                MatchSpec(text)
        except Exception as exc:  # noqa: BLE001
            return {"refused": f"{type(exc).__name__}: {exc}"}
    return {
        "channels": list(dict.fromkeys(found.channels)),
        "conda": sorted(set(packages.get("conda", ()))),
        "pip": packages.get("pip") or [],
        "variables": found.variables or {},
    }


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    said = {
        "specs": [spec(text) for text in asked["specs"]],
        "lines": [line(text) for text in asked["lines"]],
        "files": [file(content) for content in asked["files"]],
    }
    json.dump(said, sys.stdout)
