"""Tools that builds share: installed once per version, by the first that needs it."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.adapters.local.folders import remove_tree
from service.adapters.local.worker.context import BuildContext

__all__ = ["get_tool"]


def get_tool(context: BuildContext, name: str, version: str) -> Path:
    """Return the virtual environment of a tool; install it if it is missing.

    Other builds wait meanwhile.

    Raises:
        StepFailedError: It could not be installed.
    """
    place = context.folders.tools / f"{name}-{version}"
    with _lock_tool(context, place.with_name(f".{place.name}.lock")):
        # Under the lock: of two builds that need the same version, the second finds it
        # made.
        if place.exists():
            return place
        context.log(f"making {name} {version}, once for all builds")
        begun = place.with_name(f".{place.name}.part")
        remove_tree(begun)
        # Under its final name only when it is complete: a build that dies meanwhile
        # leaves no half tool. Relocatable, because the move changes its path.
        # The real interpreter: the sandbox hides our own virtual environment.
        python = f"--python={Path(sys.executable).resolve()}"
        context.run_own(
            context.uv("venv", "--quiet", "--relocatable", python, str(begun))
        )
        into = f"--python={begun / 'bin' / 'python'}"
        context.run_own(
            context.uv("pip", "install", "--quiet", into, f"{name}=={version}")
        )
        begun.rename(place)
    return place


@contextmanager
def _lock_tool(context: BuildContext, path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            context.log("waiting for another build that makes the same tool")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
