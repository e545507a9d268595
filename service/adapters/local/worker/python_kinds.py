"""Build virtual environments with pip, Poetry or uv."""

from service.adapters.local.errors import StoppedError
from service.adapters.local.interpreters import Python, fitting, installed, nearest
from service.adapters.local.worker.context import BuildContext
from service.adapters.local.worker.detect import table_of, toml_of
from service.adapters.local.worker.fetch import prefetch_lock, prefetch_requirements
from service.adapters.local.worker.pip_runs import run_pip
from service.adapters.local.worker.tool_cache import get_tool
from service.definitions.vendor import VENDOR
from service.domain.building.failure import FailureClass

__all__ = [
    "install_pip",
    "install_poetry",
    "install_uv",
    "prepare_pip",
    "prepare_poetry",
    "prepare_uv",
]


def prepare_pip(context: BuildContext) -> None:
    """Create a virtual environment with the Python for a plain requirements file.

    Raises:
        StoppedError: The machine has no Python.
        StepFailedError: It could not be created.
    """
    wanted = context.job.pip_python
    python = nearest(wanted, context.variables["PATH"])
    if python is None:
        raise _missing_python(wanted, ())
    if not str(python.version).startswith(f"{wanted}."):
        context.note(
            f"{context.definition.name} is built with Python {wanted}; this machine has"
            f" none, so Python {python.version} takes its place"
        )
    _make_env(context, python)


def install_pip(context: BuildContext) -> None:
    """Install the requirements file, or the project, with pip, in its own folder.

    Where that has a folder `vendor`, pip uses no index, as in the buildpacks.
    """
    name = context.definition.name
    if context.definition.suffix == ".toml":
        run_pip(context, ".")
        return
    arguments = ["-r", name]
    if (context.context / VENDOR).exists():
        context.note(f"{VENDOR}/ is here: pip installs from it alone and asks no index")
        arguments += ["--no-index", f"--find-links={context.context / VENDOR}"]
    else:
        prefetch_requirements(context)
    run_pip(context, *arguments)


def prepare_poetry(context: BuildContext) -> None:
    """Install Poetry; create a virtual environment with a Python the project allows."""
    found = _pythons(context)
    wanted = _wanted_by_poetry(context)
    python = fitting(wanted, found)
    if python is None:
        raise _missing_python(wanted, found, path=context.job.path)
    get_tool(context, "poetry", context.job.poetry_version)
    _make_env(context, python)


def install_poetry(context: BuildContext) -> None:
    """Install the project's main group with Poetry, as it stands or as locked."""
    tools = get_tool(context, "poetry", context.job.poetry_version) / "bin"
    # The script, not `-m`, which looks into the working directory first: poetry would
    # take the build.py of a project for the library `build`. (pip drops it by itself.)
    poetry = [str(tools / "python"), str(tools / "poetry")]
    argv = [*poetry, "install", "--only", "main", "--no-ansi"]
    # Poetry installs into the virtual environment that is active.
    variables = {
        "VIRTUAL_ENV": str(context.env),
        "PATH": f"{context.env / 'bin'}:{context.variables['PATH']}",
    }
    context.run(argv, cwd=context.definition.parent, variables=variables)


def prepare_uv(context: BuildContext) -> None:
    """Log the version of uv, which creates the environment itself."""
    context.run_own(context.uv("--version"))


def install_uv(context: BuildContext) -> None:
    """Install the lock file with uv."""
    variables = {"UV_PROJECT_ENVIRONMENT": str(context.env), **prefetch_lock(context)}
    # Frozen: what is installed has to be the lock that is a part of the key, and not
    # what uv would resolve today.
    argv = context.uv("sync", "--frozen", "--no-dev")
    context.run(argv, cwd=context.definition.parent, variables=variables)


def _wanted_by_poetry(context: BuildContext) -> str:
    """Return the project's constraint on Python; `*` when it has none."""
    project = toml_of(context)
    for wanted in (
        table_of(project, "tool", "poetry", "dependencies").get("python"),
        table_of(project, "project").get("requires-python"),
    ):
        if isinstance(wanted, str):
            return wanted
    return "*"


def _pythons(context: BuildContext) -> tuple[Python, ...]:
    return installed(context.variables["PATH"])


def _make_env(context: BuildContext, python: Python) -> None:
    context.note(f"Python {python.version}")
    # `--seed`: the environment needs a pip of its own, as the requirements are
    # installed by that one.
    argv = context.uv("venv", "--quiet", "--seed", f"--python={python.path}")
    context.run_own([*argv, str(context.env)])


def _missing_python(
    wanted: str, found: tuple[Python, ...], *, path: str = ""
) -> StoppedError:
    there = ", ".join(str(python.version) for python in found) or "none"
    return StoppedError(
        FailureClass.UNSUPPORTED_PYTHON,
        f"the environment wants Python {wanted}; this machine has {there}",
        hint="install that Python on the machine, or widen what the project allows",
        path=path,
    )
