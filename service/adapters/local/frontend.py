"""What serves an environment to a person: JupyterLab, beside the environment."""

import json

from service.adapters.local.bench import Bench
from service.adapters.local.contents import has_module
from service.adapters.local.safely import make_anew, write_anew
from service.adapters.local.toolbox import tool

__all__ = ["JUPYTER", "PROVIDED", "add_frontend"]

PROVIDED = frozenset({"jupyterlab", "none"})
"""The frontends that this builder makes; others are refused before they are built."""

JUPYTER = "jupyter"
"""The folder of an environment that holds its kernelspec."""


def add_frontend(bench: Bench) -> None:
    """Add what the build's frontend needs, or say that it is not provided.

    Raises:
        StepFailedError: It could not be installed.
    """
    frontend = bench.job.frontend
    if frontend == "jupyterlab":
        _add_jupyterlab(bench)
    elif frontend != "none":
        bench.note(
            f"the local builder does not provide {frontend}: the environment is built "
            "and commands can be run in it"
        )


def _add_jupyterlab(bench: Bench) -> None:
    """JupyterLab lives in its own environment, so that it pins nothing in this."""
    tool(bench, "jupyterlab", bench.job.jupyterlab_version)
    if not bench.python.exists():
        bench.note("the environment has no Python, so JupyterLab has no kernel for it")
        return
    if not has_module(bench.env, "ipykernel"):
        bench.say("adding ipykernel, which JupyterLab needs to reach the environment")
        target = f"--python={bench.python}"
        bench.run(bench.uv("pip", "install", "--quiet", target, "ipykernel"))
    _write_kernelspec(bench)


def _write_kernelspec(bench: Bench) -> None:
    """https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs."""
    folder = bench.place / JUPYTER / "kernels" / "python3"
    make_anew(bench.place / JUPYTER)
    folder.mkdir(parents=True)
    argv = [str(bench.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    write_anew(folder / "kernel.json", json.dumps(spec))
