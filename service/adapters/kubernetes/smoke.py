"""The Job that starts a new image once, before launchers move to it.

It starts as a session does: the image's own entrypoint, in what Renku's sessions are
given (`notebooks/core_sessions.py` of renku-data-services): port, base path, variables,
user, and an empty volume at the mount directory.
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, Final

from service.adapters.kubernetes.containers import TERMINATION, container
from service.adapters.kubernetes.job import Manifest, job, pod
from service.adapters.kubernetes.names import SMOKE_COMPONENT, smoke_job_name
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.smoke_shell import ASK, ENTER, SCRIPT
from service.domain.build import Build
from service.domain.definition import Kind

__all__ = ["SMOKE", "to_smoke_job"]

SMOKE: Final = "smoke"
"""The name of the container."""

_LAUNCHER: Final = "/cnb/lifecycle/launcher"
_PROCESSES: Final = PurePosixPath("/cnb/process")
"""Where the entrypoints are of images that a lifecycle exported: the launcher, or the
default process. https://github.com/buildpacks/spec/blob/main/platform.md#launch"""
_PORT: Final = 8888
_HOME: Final = "/home/renku/work"
_BASE: Final = "/sessions/smoke"
_USER: Final = 1000
"""Port, folder, path and user of Renku's sessions."""
_PAGES: Final = {"jupyterlab": f"{_BASE}/lab", "rstudio": "/"}
"""The first page, where it is not the base path: rstudio's proxy strips that."""
_UNPROMISED: Final = frozenset({"infer", "none"})
"""Frontends of which the repository decides whether there is one."""
_MARIMO: Final = "marimo"
"""The process that Renku's buildpack makes for `infer`."""
_FOR_FRONTEND: Final = 0.4
"""How much of the deadline a start may take, and its page again; a pull takes some."""
_FOR_PROCESS: Final = 20
"""Seconds for which a process has to run that nobody says to serve anything."""

_COMPLETE: Final = frozenset({Kind.PIP, Kind.PIPENV, Kind.POETRY})
"""Kinds whose image has every declared distribution. Conda's packages need not be
Python's, and uv's environment may only come into being in a session."""


def to_smoke_job(
    build: Build, image: str, entrypoint: Sequence[str], options: KubernetesOptions
) -> Manifest:
    """Write the Job that tries the image of a build.

    Args:
        build: What was built; its declared distributions are imported.
        image: The reference to try, by digest.
        entrypoint: What the image starts, by its own word.
        options: Where and as what it runs.
    """
    return job(
        build,
        options,
        name=smoke_job_name(build),
        component=SMOKE_COMPONENT,
        seconds=int(options.smoke_deadline.total_seconds()),
        spec={
            **pod(build, options, user=_USER, group=_USER),
            "containers": [_container(build, image, entrypoint, options)],
            "volumes": [{"name": "work", "emptyDir": {"sizeLimit": options.tmp_size}}],
        },
    )


def _container(
    build: Build, image: str, entrypoint: Sequence[str], options: KubernetesOptions
) -> dict[str, Any]:
    written = container(
        SMOKE,
        image=image,
        command=["sh", "-c", SCRIPT, SMOKE],
        arguments=_arguments(build, entrypoint, options),
        environment={**options.environment, **_session(build)},
        resources=options.smoke_resources,
        mounts=[{"name": "work", "mountPath": _HOME}],
        # Sessions write where they like, and frontends do at their start.
        is_read_only=False,
    )
    return {**written, "workingDir": _HOME}


def _arguments(
    build: Build, entrypoint: Sequence[str], options: KubernetesOptions
) -> list[str]:
    told = {
        "distributions": list(build.declared),
        "all": build.kind in _COMPLETE,
        "message": TERMINATION,
    }
    frontend = build.recipe.frontend
    how = _how(frontend, entrypoint)
    seconds = int(options.smoke_deadline.total_seconds() * _FOR_FRONTEND)
    return [
        ENTER,
        ASK,
        _script(),
        json.dumps(told),
        how,
        frontend,
        str(min(seconds, _FOR_PROCESS) if how == "runs" else seconds),
        "false" if build.kind is Kind.CONDA else "true",
        str(_PORT),
        _PAGES.get(frontend, f"{_BASE}/"),
        *([_LAUNCHER, "--", "sleep", "3600"] if how == "idle" else entrypoint),
    ]


def _how(frontend: str, entrypoint: Sequence[str]) -> str:
    """Say what an image is for: it serves a page, it runs, or it waits for commands."""
    if frontend not in _UNPROMISED:
        return "serves"
    program = PurePosixPath(entrypoint[0] if entrypoint else _LAUNCHER)
    if program.parent != _PROCESSES:
        return "idle"
    is_promised = frontend == "infer" and program.name == _MARIMO
    return "serves" if is_promised else "runs"


def _session(build: Build) -> dict[str, str]:
    """Return what a session's container is told."""
    return {
        "RENKU_BASE_URL": f"http://127.0.0.1:{_PORT}{_BASE}",
        "RENKU_BASE_URL_PATH": _BASE,
        "RENKU_LAUNCHER_ID": build.environment_id,
        "RENKU_MOUNT_DIR": _HOME,
        "RENKU_PROJECT_ID": build.project_id,
        "RENKU_PROJECT_PATH": "relaunch/smoke",
        "RENKU_SECRETS_PATH": "/secrets",
        "RENKU_SESSION": "1",
        "RENKU_SESSION_IP": "0.0.0.0",  # noqa: S104 - in the pod, as in sessions
        "RENKU_SESSION_PORT": str(_PORT),
        "RENKU_WORKING_DIR": _HOME,
    }


@cache
def _script() -> str:
    package = files("service.adapters.kubernetes")
    return package.joinpath("smoke_script.py").read_text(encoding="utf-8")
