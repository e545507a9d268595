"""The smoke test: a Job that starts a new image once, before launchers use it.

It starts the image as a session does: its entrypoint, with the port, base path,
variables, user and empty mount directory of Renku's sessions
(`notebooks/core_sessions.py` of renku-data-services).
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Any, Final

from service.adapters.kubernetes.credentials.privacy import smoke_options_for
from service.adapters.kubernetes.manifests.containers import TERMINATION, container
from service.adapters.kubernetes.manifests.job import Manifest, job, pod
from service.adapters.kubernetes.manifests.names import SMOKE_COMPONENT, smoke_job_name
from service.adapters.kubernetes.manifests.smoke_shell import ASK, ENTER, SCRIPT
from service.adapters.kubernetes.options import KubernetesOptions
from service.definitions.registry import kind_spec
from service.domain.building.build import Build
from service.domain.definition import Kind

__all__ = ["SMOKE", "to_smoke_job"]

SMOKE: Final = "smoke"
"""The name of the container."""

_LAUNCHER: Final = "/cnb/lifecycle/launcher"
_PROCESSES: Final = PurePosixPath("/cnb/process")
"""The entrypoints of images that a lifecycle exported: the launcher, or the default
process. https://github.com/buildpacks/spec/blob/main/platform.md#launch"""
_PORT: Final = 8888
_HOME: Final = "/home/renku/work"
_BASE: Final = "/sessions/smoke"
_USER: Final = 1000
"""Port, directory, path and user of Renku's sessions."""
_PAGES: Final = {"jupyterlab": f"{_BASE}/lab", "rstudio": "/"}
"""First pages other than the base path, which rstudio's proxy strips."""
_OPTIONAL: Final = frozenset({"infer", "none"})
"""Values for which the repository decides whether there is a frontend."""
_MARIMO: Final = "marimo"
"""The process that Renku's buildpack defines for `infer`."""
_START_FRACTION: Final = 0.4
"""The fraction of the deadline for the start, and again for its page; the rest is for
the image pull."""
_PROCESS_SECONDS: Final = 20
"""Seconds for which a process has to run when no page is expected."""

_MAX_ARGUMENT: Final = 96 * 1024
"""Bytes of declared distributions: Linux starts no program with a longer argument than
128 KiB (MAX_ARG_STRLEN, https://man7.org/linux/man-pages/man2/execve.2.html)."""


def to_smoke_job(
    build: Build, image: str, entrypoint: Sequence[str], options: KubernetesOptions
) -> Manifest:
    """Create the Job that smoke-tests the image of a build.

    Args:
        build: The build, whose declared distributions are imported.
        image: The image, by digest.
        entrypoint: The entrypoint and command of the image.
        options: The operator's options.
    """
    options = smoke_options_for(build, options)
    return job(
        build,
        options,
        name=smoke_job_name(build),
        component=SMOKE_COMPONENT,
        seconds=int(options.smoke_deadline.total_seconds()),
        spec={
            **pod(build, options, user=_USER, group=_USER),
            "containers": [_create_container(build, image, entrypoint, options)],
            "volumes": [{"name": "work", "emptyDir": {"sizeLimit": options.tmp_size}}],
        },
    )


def _create_container(
    build: Build, image: str, entrypoint: Sequence[str], options: KubernetesOptions
) -> dict[str, Any]:
    created = container(
        SMOKE,
        image=image,
        command=["sh", "-c", SCRIPT, SMOKE],
        arguments=_create_arguments(build, entrypoint, options),
        environment={**options.environment, **_session_variables(build)},
        resources=options.smoke_resources,
        mounts=[{"name": "work", "mountPath": _HOME}],
        # Sessions have a writable root, and frontends write to it when they start.
        is_read_only=False,
    )
    return {**created, "workingDir": _HOME}


def _create_arguments(
    build: Build, entrypoint: Sequence[str], options: KubernetesOptions
) -> list[str]:
    arguments = {
        "distributions": _select_distributions(build.declared),
        "all": kind_spec(build.kind).installs_declared,
        "message": TERMINATION,
    }
    frontend = build.spec.frontend
    mode = _select_mode(frontend, entrypoint)
    seconds = int(options.smoke_deadline.total_seconds() * _START_FRACTION)
    return [
        ENTER,
        ASK,
        _read_script(),
        json.dumps(arguments),
        mode,
        frontend,
        str(min(seconds, _PROCESS_SECONDS) if mode == "runs" else seconds),
        "false" if build.kind is Kind.CONDA else "true",
        str(_PORT),
        _PAGES.get(frontend, f"{_BASE}/"),
        *([_LAUNCHER, "--", "sleep", "3600"] if mode == "idle" else entrypoint),
    ]


def _select_distributions(declared: Sequence[str]) -> list[str]:
    """Return as many declared distributions as fit into one argument."""
    sizes = accumulate(len(json.dumps(name)) + len(", ") for name in declared)
    # The rest is not imported. That weakens the test of a very long list; failing to
    # start would make it useless.
    count = sum(size <= _MAX_ARGUMENT for size in sizes)
    return list(declared[:count])


def _select_mode(frontend: str, entrypoint: Sequence[str]) -> str:
    """Return what an image should do: serve a page, run, or wait for commands."""
    if frontend not in _OPTIONAL:
        return "serves"
    program = PurePosixPath(entrypoint[0] if entrypoint else _LAUNCHER)
    # An image without a default process: its launcher waits for a command, so one is
    # given and only the imports are tried.
    if program.parent != _PROCESSES:
        return "idle"
    is_marimo = frontend == "infer" and program.name == _MARIMO
    return "serves" if is_marimo else "runs"


def _session_variables(build: Build) -> dict[str, str]:
    """Return the variables of a session's container."""
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
def _read_script() -> str:
    package = files("service.adapters.kubernetes.manifests")
    return package.joinpath("smoke_script.py").read_text(encoding="utf-8")
