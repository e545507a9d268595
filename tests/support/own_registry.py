"""A registry of a test's own: Docker's, with users, or with a key to its door.

https://distribution.github.io/distribution/about/configuration/
"""

import json
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

__all__ = ["OwnRegistry", "own_registry"]

_PROGRAM = "docker-registry"
_START = timedelta(seconds=15)
_USER = ("push", "word")
_HASH = "$2b$04$UJ0SFMg0kSTiVAq0tkY0h.5jyazGFpyaun9OMCqya6LAL0abN8RpO"
"""Of the password, as `htpasswd -B` writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRegistry:
    host: str
    folder: Path

    def config(self, password: str = _USER[1]) -> Path:
        """A `config.json` of Docker's, with the right password or another."""
        path = self.folder / f"config-{password}.json"
        auth = b64encode(f"{_USER[0]}:{password}".encode()).decode()
        path.write_text(json.dumps({"auths": {self.host: {"auth": auth}}}))
        return path

    @property
    def credential(self) -> str:
        return "Basic " + b64encode(":".join(_USER).encode()).decode()


@contextmanager
def own_registry(
    folder: Path, *, has_users: bool = False, is_read_only: bool = False
) -> Iterator[OwnRegistry]:
    """Run a registry over a folder; skip the test where it is not installed."""
    if shutil.which(_PROGRAM) is None:
        pytest.skip(f"no registry of one's own: {_PROGRAM} is not there")
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        host = f"127.0.0.1:{found.getsockname()[1]}"
    (folder / "htpasswd").write_text(f"{_USER[0]}:{_HASH}\n")
    config = folder / "registry.json"  # which YAML reads, too
    users = {"htpasswd": {"realm": "own", "path": str(folder / "htpasswd")}}
    about = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "maintenance": {"readonly": {"enabled": is_read_only}},
        },
        "http": {"addr": host, "secret": "own"},
        **({"auth": users} if has_users else {}),
    }
    config.write_text(json.dumps(about))
    with (folder / "registry.log").open("ab") as said:
        process = subprocess.Popen(
            [_PROGRAM, "serve", str(config)], stdout=said, stderr=said
        )
    try:
        _wait_for(host, process, folder / "registry.log")
        yield OwnRegistry(host=host, folder=folder)
    finally:
        process.kill()
        process.wait()


def _wait_for(host: str, process: subprocess.Popen[bytes], said: Path) -> None:
    name, _, port = host.rpartition(":")
    until = time.monotonic() + _START.total_seconds()
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection((name, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the registry did not start: {said.read_text()[-500:]}")
