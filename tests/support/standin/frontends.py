"""The buildpacks that give an image what a session starts: the frontend's process.

They make what Renku's make (SwissDataScienceCenter/renku-frontend-buildpacks, its
folder `buildpacks/`), and are stricter where a session's volume is concerned.
https://github.com/buildpacks/spec/blob/main/buildpack.md#launchtoml-toml
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.standin.folders import Types, describe
from tests.support.standin.orders import say

BUILDPACK = "standin/frontend"
FOLDER = BUILDPACK.replace("/", "_")
"""launch/launch.go: the folder of a buildpack's layers is its escaped id."""
API = "0.10"
SERVED = frozenset({"jupyterlab", "rstudio", "ttyd", "vscodium"})
MARIMO = "marimo"

ONCE = """#!/bin/sh
# buildpacks/python-dependency-manager: takes a lock in the mount directory, and ends
# the start where that cannot be written. A second run on one volume is refused here:
# a session's start runs it once.
set -e
exec 9>"$RENKU_MOUNT_DIR/.setup.lock"
if [ -e "$RENKU_MOUNT_DIR/.setup.done" ]; then
  echo 'exec.d ran before on this volume' >&2
  exit 1
fi
: >"$RENKU_MOUNT_DIR/.setup.done"
echo 'STANDIN_SETUP = "done"' >&3
"""

SERVE = '''\
"""Serves where a session is told to, below its base path and nowhere else."""

import http.server
import os

BASE = os.environ["RENKU_BASE_URL_PATH"].rstrip("/")
PAGES = {"jupyterlab": f"{BASE}/lab", "rstudio": "/"}
PAGE = PAGES.get(os.environ["STANDIN_FRONTEND"], f"{BASE}/")


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == PAGE else 404)
        self.end_headers()


os.chdir(os.environ["RENKU_WORKING_DIR"])
if os.environ["STANDIN_SETUP"] != "done":
    raise SystemExit("exec.d did not run")
where = os.environ["RENKU_SESSION_IP"], int(os.environ["RENKU_SESSION_PORT"])
http.server.ThreadingHTTPServer(where, Page).serve_forever()
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One line of launch.toml; at this API all start directly."""

    type: str
    command: Sequence[str]
    args: Sequence[str] = ()
    is_default: bool = False


def build(app: Path, layers: Path, told: Mapping[str, str], packages: Path) -> None:
    """Make the layers and `config/metadata.toml`, from which the launcher starts.

    Args:
        app: The repository; its Procfile counts.
        layers: Where layers go.
        told: What is in `platform/env`; `BP_RENKU_FRONTENDS` chooses by substring.
        packages: What was installed.
    """
    wanted = told.get("BP_RENKU_FRONTENDS", "none")
    frontend = _frontend(wanted, packages)
    layer = layers / FOLDER / "session"
    (layer / "exec.d").mkdir(parents=True)
    script = layer / "exec.d" / "setup.sh"
    script.write_text(ONCE)
    script.chmod(0o755)
    _write_defaults(layer / "env.launch", frontend)
    describe(layer, {"frontend": frontend}, Types(launch=True))
    processes = list(_of_procfile(app))
    if frontend:
        serve = layer / "serve.py"
        serve.write_text(SERVE)
        command = ["env", "python3"]
        processes.append(
            Process(type=frontend, command=command, args=[str(serve)], is_default=True)
        )
    else:
        say("No frontend will be implicitely included")
    _write_metadata(layers, processes)


def default_process(layers: Path) -> str:
    """Return the type that a session starts; empty when a command is needed."""
    path = layers / "config" / "default"
    return path.read_text() if path.exists() else ""


def process_types(layers: Path) -> Sequence[str]:
    """Return the types to which the image has links."""
    path = layers / "config" / "types"
    return path.read_text().split() if path.exists() else ()


def _frontend(wanted: str, packages: Path) -> str:
    """Choose as the buildpacks do: `infer` knows marimo and nothing else."""
    served = [each for each in sorted(SERVED) if each in wanted]
    if served:
        return served[0]
    return MARIMO if "infer" in wanted and (packages / MARIMO).exists() else ""


def _write_defaults(folder: Path, frontend: str) -> None:
    """buildpacks/renku-variables: what holds where a platform sets nothing."""
    folder.mkdir(parents=True)
    defaults = {
        "RENKU_BASE_URL_PATH": "/",
        "RENKU_MOUNT_DIR": "/workspace",
        "RENKU_SESSION_IP": "0.0.0.0",  # noqa: S104 - in the pod
        "RENKU_SESSION_PORT": "8000",
        "RENKU_WORKING_DIR": "/workspace",
        "STANDIN_FRONTEND": frontend,
    }
    for name, value in defaults.items():
        (folder / f"{name}.default").write_text(value)


def _of_procfile(app: Path) -> Sequence[Process]:
    """paketo-buildpacks/procfile: the process `web` is the default."""
    path = app / "Procfile"
    lines = path.read_text().splitlines() if path.is_file() else ()
    parted = [line.partition(":") for line in lines if ":" in line]
    return [
        Process(
            type=name.strip(),
            command=["sh", "-c"],
            args=[command.strip()],
            is_default=name.strip() == "web",
        )
        for name, _, command in parted
    ]


def _write_metadata(layers: Path, processes: Sequence[Process]) -> None:
    """buildpack/build.go: the last buildpack's default process wins."""
    config = layers / "config"
    config.mkdir(parents=True, exist_ok=True)
    lines = [
        f"[[buildpacks]]\nid = {json.dumps(each)}\napi = {json.dumps(API)}\n"
        for each in ("standin/pip", BUILDPACK)
    ]
    lines += [
        f"[[processes]]\ntype = {json.dumps(each.type)}\n"
        f"command = {json.dumps(each.command)}\nargs = {json.dumps(each.args)}\n"
        f"direct = true\nbuildpack-id = {json.dumps(BUILDPACK)}\n"
        for each in processes
    ]
    (config / "metadata.toml").write_text("\n".join(lines))
    defaults = [each.type for each in processes if each.is_default]
    (config / "default").write_text(defaults[-1] if defaults else "")
    (config / "types").write_text("\n".join(each.type for each in processes))
