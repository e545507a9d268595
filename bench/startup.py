"""How long a receiver takes to start, and what it imports."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.servers import RELAUNCH, running

__all__ = ["Start", "measured_start"]

TIMES: Final = 5
UNWANTED: Final = (
    "gidgethub",
    "gitlab",
    "kubernetes_asyncio",
    "rattler",
    "aiosqlite",
    "pygments",
    "ruamel",
    "service.adapters.local.builder",
    "service.adapters.renku.builder",
    "service.definitions.registry",
    # An import that finds nothing is in the list of imports, too: `rich` always is.
    "rich.console",
    "cryptography.x509",
)
"""What a receiver over RabbitMQ and PostgreSQL has no use for."""
_IMPORT: Final = re.compile(
    r"^import time: +\d+ \| +(\d+) \|( *)([\w.]+)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What was seen."""

    seconds: float
    times: int
    modules: int
    unwanted: Sequence[str]
    heaviest: Sequence[tuple[str, float]]
    """Packages and milliseconds, the imports of their imports included."""


def measured_start(settings: Mapping[str, str], folder: Path) -> Start:
    """Start a receiver several times, and once more to list its imports."""
    log = folder / "start.log"
    took = []
    for _ in range(TIMES):
        with running(RELAUNCH, settings, log) as server:
            took.append(server.started_in)
    with running(("-X", "importtime", *RELAUNCH), settings, log):
        pass
    imports = {
        name: int(micros) / 1000 for micros, _, name in _IMPORT.findall(log.read_text())
    }
    packages = {name: ms for name, ms in imports.items() if "." not in name}
    return Start(
        seconds=median(took),
        times=TIMES,
        modules=len(imports),
        unwanted=[item for item in UNWANTED if item in imports],
        heaviest=sorted(packages.items(), key=lambda pair: -pair[1])[:8],
    )
