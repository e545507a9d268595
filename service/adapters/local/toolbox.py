"""Tools that builds share: made once per version, by whoever comes first."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.adapters.local.bench import Bench
from service.adapters.local.folders import remove_tree

__all__ = ["tool"]


def tool(bench: Bench, name: str, version: str) -> Path:
    """Return the virtual environment of a tool, made if it is not there yet.

    Other builds wait while one makes it; a build that dies over it leaves nothing
    that could be taken for the tool.

    Raises:
        StepFailedError: It could not be made.
    """
    place = bench.folders.tools / f"{name}-{version}"
    with _alone(bench, place.with_name(f".{place.name}.lock")):
        if place.exists():
            return place
        bench.say(f"making {name} {version}, once for all builds")
        begun = place.with_name(f".{place.name}.part")
        remove_tree(begun)
        # Relocatable, so that it can be moved to its name when it is whole.
        # The interpreter itself: our own virtual environment is not shown to tools.
        python = f"--python={Path(sys.executable).resolve()}"
        bench.run_own(bench.uv("venv", "--quiet", "--relocatable", python, str(begun)))
        into = f"--python={begun / 'bin' / 'python'}"
        bench.run_own(bench.uv("pip", "install", "--quiet", into, f"{name}=={version}"))
        begun.rename(place)
    return place


@contextmanager
def _alone(bench: Bench, path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            bench.say("waiting for another build that makes the same tool")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
