"""Environments of pip, Poetry and uv: a virtual environment, and what is in it."""

from service.adapters.local.bench import Bench
from service.adapters.local.detect import table_of, toml_of
from service.adapters.local.failures import StoppedError
from service.adapters.local.fetch import fetch_locked, fetch_named
from service.adapters.local.pythons import Python, fitting, installed, nearest
from service.adapters.local.toolbox import tool
from service.definitions.vendor import VENDOR
from service.domain.failure import FailureClass

__all__ = [
    "install_pip",
    "install_poetry",
    "install_uv",
    "restore_pip",
    "restore_poetry",
    "restore_uv",
]


def restore_pip(bench: Bench) -> None:
    """Make a virtual environment with the Python that bare requirements get.

    Raises:
        StoppedError: The machine has no Python.
        StepFailedError: It could not be made.
    """
    wanted = bench.job.pip_python
    python = nearest(wanted, bench.variables["PATH"])
    if python is None:
        raise _no_python(wanted, ())
    if not str(python.version).startswith(f"{wanted}."):
        bench.note(
            f"requirements.txt is built with Python {wanted}; this machine has none, "
            f"so Python {python.version} takes its place"
        )
    _make_env(bench, python)


def install_pip(bench: Bench) -> None:
    """Install the requirements file with pip, from its own folder.

    Where that has a `vendor`, pip asks no index, as in the buildpacks.
    """
    name = bench.definition.name
    argv = [str(bench.python), "-m", "pip", "install", "-r", name]
    if (bench.context / VENDOR).exists():
        bench.note(f"{VENDOR}/ is here: pip installs from it alone and asks no index")
        argv += ["--no-index", f"--find-links={bench.context / VENDOR}"]
    else:
        fetch_named(bench)
    bench.run(argv, cwd=bench.definition.parent)


def restore_poetry(bench: Bench) -> None:
    """Make Poetry, and a virtual environment with a Python the project allows."""
    found = _pythons(bench)
    wanted = _wanted_by_poetry(bench)
    python = fitting(wanted, found)
    if python is None:
        raise _no_python(wanted, found, path=bench.job.path)
    tool(bench, "poetry", bench.job.poetry_version)
    _make_env(bench, python)


def install_poetry(bench: Bench) -> None:
    """Install the project's main group with Poetry, as it stands or as locked."""
    poetry = tool(bench, "poetry", bench.job.poetry_version) / "bin" / "python"
    argv = [str(poetry), "-m", "poetry", "install", "--only", "main", "--no-ansi"]
    # Poetry installs into the virtual environment that is active.
    variables = {
        "VIRTUAL_ENV": str(bench.env),
        "PATH": f"{bench.env / 'bin'}:{bench.variables['PATH']}",
    }
    bench.run(argv, cwd=bench.definition.parent, variables=variables)


def restore_uv(bench: Bench) -> None:
    """Say which uv builds; it makes the environment itself."""
    bench.run_own(bench.uv("--version"))


def install_uv(bench: Bench) -> None:
    """Install what the lock file says with uv."""
    variables = {"UV_PROJECT_ENVIRONMENT": str(bench.env), **fetch_locked(bench)}
    argv = bench.uv("sync", "--frozen", "--no-dev")
    bench.run(argv, cwd=bench.definition.parent, variables=variables)


def _wanted_by_poetry(bench: Bench) -> str:
    """Return the project's constraint on Python; `*` when it has none."""
    project = toml_of(bench)
    for wanted in (
        table_of(project, "tool", "poetry", "dependencies").get("python"),
        table_of(project, "project").get("requires-python"),
    ):
        if isinstance(wanted, str):
            return wanted
    return "*"


def _pythons(bench: Bench) -> tuple[Python, ...]:
    return installed(bench.variables["PATH"])


def _make_env(bench: Bench, python: Python) -> None:
    bench.note(f"Python {python.version}")
    argv = bench.uv("venv", "--quiet", "--seed", f"--python={python.path}")
    bench.run_own([*argv, str(bench.env)])


def _no_python(
    wanted: str, found: tuple[Python, ...], *, path: str = ""
) -> StoppedError:
    there = ", ".join(str(it.version) for it in found) or "none"
    return StoppedError(
        FailureClass.UNSUPPORTED_PYTHON,
        f"the environment wants Python {wanted}; this machine has {there}",
        hint="install that Python on the machine, or widen what the project allows",
        path=path,
    )
