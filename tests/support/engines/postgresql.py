"""PostgreSQL servers, each on its host: a primary, and a standby that is promoted.

https://www.postgresql.org/docs/current/warm-standby.html
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.support.engines.network import Host, Network
from tests.support.patience import wait_until
from tests.support.processes import children

__all__ = ["DatabaseServer", "a_database_pair", "a_database_server", "url_of"]

_INSTALLED: Final = Path("/usr/lib/postgresql")
_PORT: Final = 5432
_STARTS_WITHIN: Final = 60.0
_USER: Final = "postgres"
"""Servers refuse to run as root."""
_SETTINGS: Final = """
unix_socket_directories = ''
shared_buffers = 32MB
max_connections = 200
# Only the process is killed here, never the machine.
fsync = off
"""


class DatabaseServer:
    """One server. Its calls block: use a thread."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self._data = folder / f"server-{host.number}"
        self._output = folder / f"server-{host.number}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make an empty database cluster."""
        self._run("initdb", "-D", str(self._data), "-U", _USER, "--auth=trust")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        (self._data / "pg_hba.conf").write_text(
            "host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n"
        )

    def copy(self, primary: "DatabaseServer") -> None:
        """Become a standby of another server, with nothing of before."""
        shutil.rmtree(self._data, ignore_errors=True)
        name = f"application_name={self._name}"
        source = f"host={primary.host.address} port={_PORT} user={_USER} {name}"
        copied = ("-D", str(self._data), "-d", source, "-c", "fast")
        self._run("pg_basebackup", *copied, "--write-recovery-conf", "-X", "stream")
        # Whom the other one waits for is not whom this one will wait for.
        own = self._data / "postgresql.auto.conf"
        kept = [
            line
            for line in own.read_text().splitlines()
            if not line.startswith("synchronous_standby_names")
        ]
        own.write_text("\n".join([*kept, ""]))

    def start(self) -> None:
        """Start it; return when it answers."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command(
                    "postgres",
                    *("-D", str(self._data), "-p", str(_PORT)),
                    *("-c", "listen_addresses=0.0.0.0"),
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
            )
        wait_until(self.answers, f"{self._name} to answer", _STARTS_WITHIN)

    def answers(self) -> bool:
        ready = ("pg_isready", "-h", self.host.address, "-p", str(_PORT))
        return (
            subprocess.run(
                self._command(*ready), capture_output=True, check=False
            ).returncode
            == 0
        )

    def wait_for(self, standby: "DatabaseServer") -> None:
        """Let no commit end before a standby has it on disk, from now on."""
        names = f"ALTER SYSTEM SET synchronous_standby_names = '{standby._name}'"
        self.sql(names)
        self.sql("SELECT pg_reload_conf()")
        state = "SELECT sync_state FROM pg_stat_replication"
        wait_until(lambda: self.sql(state) == "sync", "the standby", _STARTS_WITHIN)

    def promote(self) -> None:
        """Make a primary of a standby; return when it takes writes."""
        self._run("pg_ctl", "promote", "-D", str(self._data), "-w", "-t", "120")

    def kill(self) -> None:
        """Kill it with all that it started, without a warning."""
        if self._process is not None:
            self._signal_all(signal.SIGKILL)
            self._process.wait()

    def pause(self) -> None:
        """Let it hang: its connections stay open, and nobody answers."""
        self._signal_all(signal.SIGSTOP)

    def sql(self, statement: str) -> str:
        query = ("psql", "-h", self.host.address, "-p", str(_PORT), "-U", _USER)
        return self._run(*query, "-Atqc", statement).strip()

    @property
    def _name(self) -> str:
        return f"server{self.host.number}"

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *children(self._process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _run(self, tool: str, *arguments: str) -> str:
        done = subprocess.run(
            self._command(tool, *arguments),
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self, tool: str, *arguments: str) -> Sequence[str]:
        user = ("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups")
        return (*self.host.enter, *user, str(_binaries() / tool), *arguments)


def url_of(*servers: DatabaseServer) -> str:
    """Return a URL that names servers in this order."""
    hosts = ",".join(f"{server.host.address}:{_PORT}" for server in servers)
    return f"postgresql://{_USER}@{hosts}/postgres"


@contextmanager
def a_database_server(network: Network) -> Iterator[DatabaseServer]:
    """Run a server of its own; skip the test where PostgreSQL is not installed."""
    with _folder() as folder:
        server = DatabaseServer(network.add_host(), folder)
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def a_database_pair(
    network: Network, *, is_synchronous: bool = True
) -> Iterator[tuple[DatabaseServer, DatabaseServer]]:
    """Run a primary and its standby."""
    with a_database_server(network) as primary, _folder() as folder:
        standby = DatabaseServer(network.add_host(), folder)
        try:
            standby.copy(primary)
            standby.start()
            if is_synchronous:
                primary.wait_for(standby)
            yield primary, standby
        finally:
            standby.kill()


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder that the servers' user reaches, unlike those of pytest."""
    _binaries()
    with tempfile.TemporaryDirectory(prefix="relaunch-postgresql-") as folder:
        shutil.chown(folder, _USER, _USER)
        yield Path(folder)


def _binaries() -> Path:
    found = sorted(_INSTALLED.glob("*/bin/pg_basebackup"))
    if not found or shutil.which("setpriv") is None:
        pytest.skip(f"no PostgreSQL of one's own: nothing in {_INSTALLED}")
    return found[-1].parent
