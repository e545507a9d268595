"""The Job that starts a new image once, before launchers move to it."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from service.adapters.kubernetes.containers import TERMINATION, container
from service.adapters.kubernetes.job import Manifest, job, pod
from service.adapters.kubernetes.names import SMOKE_COMPONENT, smoke_job_name
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.build import Build
from service.domain.definition import Kind

__all__ = ["FAILED", "SMOKE", "to_smoke_job"]

SMOKE: Final = "smoke"
"""The name of the container."""
FAILED: Final = "smoke_failed: "
"""What its termination message begins with when the image does not work; a sentence
that names the missing import or the frontend follows."""

_LAUNCHER: Final = "/cnb/lifecycle/launcher"
"""Where every image that a lifecycle exported has it."""
_PORT: Final = 8888
_HOME: Final = "/home/renku/work"
_USER: Final = 1000
"""Port, folder and user of Renku's sessions."""
_PAGES: Final = {"jupyterlab": "lab"}
"""The first page of a frontend, where it is not the root."""
_FOR_FRONTEND: Final = 0.5
"""How much of the deadline the frontend may take; pulling and importing take some."""

_COMPLETE: Final = frozenset({Kind.PIP, Kind.PIPENV, Kind.POETRY})
"""Kinds whose image has every declared distribution. Conda's packages need not be
Python's, and uv's environment may only come into being in a session."""

_TRY: Final = f"""\
command -v python >/dev/null && exec python -c "$0" "$1"
echo 'the image has no Python, so nothing was tried' >&2
[ "$NEEDS_PYTHON" = false ] && exit 0
printf '%s' '{FAILED}the image has no Python' > {TERMINATION}
exit 1
"""


def to_smoke_job(build: Build, image: str, options: KubernetesOptions) -> Manifest:
    """Write the Job that tries the image of a build.

    Args:
        build: What was built; its declared distributions are imported.
        image: The reference to try, by digest.
        options: Where and as what it runs.
    """
    seconds = int(options.smoke_deadline.total_seconds())
    return job(
        build,
        options,
        name=smoke_job_name(build),
        component=SMOKE_COMPONENT,
        seconds=seconds,
        spec={
            **pod(build, options, user=_USER, group=_USER),
            "containers": [
                _container(build, image, options, int(seconds * _FOR_FRONTEND))
            ],
            "volumes": [{"name": "work", "emptyDir": {"sizeLimit": options.tmp_size}}],
        },
    )


def _container(
    build: Build, image: str, options: KubernetesOptions, seconds: int
) -> dict[str, Any]:
    page = _PAGES.get(build.recipe.frontend, "")
    told = {
        "distributions": list(build.declared),
        "all": build.kind in _COMPLETE,
        "frontend": build.recipe.frontend,
        "url": f"http://127.0.0.1:{_PORT}/{page}",
        "seconds": seconds,
        "message": TERMINATION,
    }
    return container(
        SMOKE,
        image=image,
        command=[_LAUNCHER, "--", "sh", "-c", _TRY],
        arguments=[_script(), json.dumps(told)],
        environment={
            **options.environment,
            "NEEDS_PYTHON": "false" if build.kind is Kind.CONDA else "true",
            "RENKU_BASE_URL_PATH": "/",
            "RENKU_MOUNT_DIR": _HOME,
            "RENKU_SESSION_IP": "0.0.0.0",  # noqa: S104 - in the pod, as in sessions
            "RENKU_SESSION_PORT": str(_PORT),
            "RENKU_WORKING_DIR": _HOME,
        },
        resources=options.smoke_resources,
        mounts=[{"name": "work", "mountPath": _HOME}],
        # Sessions write where they like, and frontends do at their start.
        is_read_only=False,
    )


@cache
def _script() -> str:
    package = files("service.adapters.kubernetes")
    return package.joinpath("smoke_script.py").read_text(encoding="utf-8")
