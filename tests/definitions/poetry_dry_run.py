"""Ask poetry itself what it would install; runs with poetry's own interpreter.

Standard input names folders, one a line; standard output lists what
`poetry install --only main --dry-run` would install in each, as JSON.
"""
# mypy: disable-error-code="import-not-found, misc"

import json
import logging
import sys
from pathlib import Path
from typing import Any, Protocol

from cleo.io.null_io import NullIO
from poetry.config.config import Config
from poetry.factory import Factory
from poetry.installation.executor import Executor
from poetry.installation.installer import Installer
from poetry.utils.env import VirtualEnv

ENV = VirtualEnv(Path(sys.argv[1]))
"""An environment in which nothing is installed."""


class Operation(Protocol):
    """One of poetry's operations."""

    package: Any
    skipped: bool


class Noting(Executor):
    """Notes what it is to install, and installs nothing."""

    def execute(self, operations: list[Operation]) -> int:
        """Print the operations that are not skipped."""
        wanted = [
            f"{operation.package.name} {operation.package.version}"
            for operation in operations
            if not operation.skipped
        ]
        print(json.dumps(sorted(wanted)))  # noqa: T201
        return 0


def run(folder: Path) -> None:
    """Run the steps of the command."""
    poetry = Factory().create_poetry(folder)
    installer = Installer(
        NullIO(),
        ENV,
        poetry.package,
        poetry.locker,
        poetry.pool,
        poetry.config,
        executor=Noting(ENV, poetry.pool, Config(), NullIO()),
    )
    installer.only_groups(["main"])
    installer.run()


if __name__ == "__main__":
    logging.disable()
    for line in sys.stdin:
        run(Path(line.rstrip("\n")))
