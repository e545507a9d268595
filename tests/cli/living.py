"""A real `relaunch dev`, and the command line as a process of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from service.settings import Settings, passed_to_builds
from tests.cli.repositories import QUIET

RELAUNCH = (sys.executable, "-m", "service.cli")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, kw_only=True)
class Living:
    folder: Path
    listen: str

    @property
    def url(self) -> str:
        return f"http://{self.listen}"

    @property
    def env(self) -> dict[str, str]:
        return {
            **QUIET,
            # Where package indexes, proxies and certificates are.
            **passed_to_builds(Settings()),
            "RELAUNCH_DATA": str(self.folder / "data"),
            "RELAUNCH_LISTEN": self.listen,
            "RELAUNCH_EVALUATION_DEBOUNCE": "100ms",
        }

    def is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


@contextmanager
def living(folder: Path) -> Iterator[Living]:
    """Start the service, and stop it at the end."""
    service = Living(folder=folder, listen=f"127.0.0.1:{free_port()}")
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [*RELAUNCH, "dev"],
            env=service.env,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
        )
    try:
        # As long as it takes beside whatever else runs; the test's limit ends a hang.
        while not service.is_ready():
            assert process.poll() is None, (folder / "service.log").read_text()
            time.sleep(0.1)
        yield service
    finally:
        process.terminate()
        process.wait(timeout=20)
