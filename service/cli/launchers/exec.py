"""Commands inside the environments that this machine's service built."""

import subprocess
from collections.abc import Sequence
from typing import Final

from service.adapters.local.folders import Folders
from service.adapters.local.images import Images
from service.settings import load, passed_to_builds

__all__ = ["run_inside"]

SUMMARY: Final = (
    "import sys, importlib.metadata as m;"
    "print(f'Python {sys.version.split()[0]},"
    " {len({it.name for it in m.distributions()})} packages')"
)
"""What is run by default what to run."""

SIGNALLED: Final = 128
"""What shells add to a signal's number for a program that it ended."""


def run_inside(image: str, words: Sequence[str]) -> int:
    """Run a command inside an image and return its exit code.

    Raises:
        NotFoundError: This machine has no such image, or it no such program.
    """
    settings = load()
    images = Images(
        folders=Folders(root=settings.builder_root.absolute()),
        environment=passed_to_builds(settings),
    )
    command, variables = images.command_in(image, words or ("python", "-c", SUMMARY))
    code = subprocess.run(command, env=variables, check=False).returncode  # noqa: S603 - what the person typed
    return code if code >= 0 else SIGNALLED - code
