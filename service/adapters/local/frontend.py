"""Add the frontend of an environment: JupyterLab, in its own environment."""

import json

from service.adapters.local.inventory import has_module
from service.adapters.local.worker.context import BuildContext
from service.adapters.local.worker.safe_files import make_anew, write_anew
from service.adapters.local.worker.tool_cache import get_tool

__all__ = ["JUPYTER", "add_frontend"]

JUPYTER = "jupyter"
"""The folder of an environment that holds its kernelspec."""


def add_frontend(context: BuildContext) -> None:
    """Add what the build's frontend needs, or note that it is not provided.

    Raises:
        StepFailedError: It could not be installed.
    """
    frontend = context.job.frontend
    if frontend == "jupyterlab":
        _add_jupyterlab(context)
    elif frontend != "none":
        context.note(
            f"the local builder does not provide {frontend}: the environment is built "
            "and commands can be run in it"
        )


def _add_jupyterlab(context: BuildContext) -> None:
    # In its own environment, so that its dependencies restrict none of this one's.
    get_tool(context, "jupyterlab", context.job.jupyterlab_version)
    if not context.python.exists():
        context.note(
            "the environment has no Python, so JupyterLab has no kernel for it"
        )
        return
    if not has_module(context.env, "ipykernel"):
        context.log("adding ipykernel, which JupyterLab needs to reach the environment")
        target = f"--python={context.python}"
        context.run(context.uv("pip", "install", "--quiet", target, "ipykernel"))
    _write_kernelspec(context)


def _write_kernelspec(context: BuildContext) -> None:
    """https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs."""
    folder = context.environment_folder / JUPYTER / "kernels" / "python3"
    make_anew(context.environment_folder / JUPYTER)
    folder.mkdir(parents=True)
    argv = [str(context.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    write_anew(folder / "kernel.json", json.dumps(spec))
