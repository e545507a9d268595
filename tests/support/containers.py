"""Podman, with a storage of the tests' own; and images of servers of this machine.

Registries are not asked: what `compose.yaml` names is made of the installed packages of
Debian's, under the same names, and starts as the official images do.
"""

import hashlib
import os
import re
import resource
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import pytest

from scripts.docs import ROOT

__all__ = ["Engine", "find_engine", "make_servers"]

_STORE: Final = Path("/var/tmp/relaunch-tests-containers")  # noqa: S108 - kept
_PODMAN: Final = "/usr/bin/podman"
_COMPOSE: Final = "podman-compose==1.6.0"
_NEEDED: Final = ("podman", "runc", "catatonit")
"""Packages: the engine, what runs containers, and what `init: true` is."""
_PACKAGES: Final = (
    *("postgresql", "rabbitmq-server", "bash", "coreutils", "dash", "sed", "grep"),
    *("util-linux", "mawk", "findutils", "libc-bin", "hostname"),
)
_UNUSED: Final = re.compile(
    r"^/usr/share/(doc|man|locale|info|perl|bug)/|libLLVM|llvm|/bitcode/|/perl/"
)
_LINKS: Final = ("bin", "sbin", "lib", "lib64")
_OWN: Final = ("etc/passwd", "etc/group", "etc/alternatives", "tmp")
_ENTRY: Final = "usr/local/bin/entry"
_PATH: Final = "/usr/lib/postgresql/bin:/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin"
_HOMES: Final = {"postgres": "/root", "rabbitmq": "/var/lib/rabbitmq"}
"""Where RabbitMQ's command line finds the cookie of its server."""
_NO: Final = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
_SCRIPT: Final = """#!/bin/bash
# What the official images do before they start their servers:
# https://github.com/docker-library/docs/tree/master/postgres and .../rabbitmq
set -eu
as() { exec setpriv --reuid="$1" --regid="$1" --clear-groups "$0" "${@:2}"; }
if [ "$1" = postgres ]; then
  data=/var/lib/postgresql/data bin=$(echo /usr/lib/postgresql/*/bin)
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$data" /var/run/postgresql
    chown postgres "$data" /var/run/postgresql
    chmod 700 "$data"
    as postgres "$@"
  fi
  if [ ! -s "$data/PG_VERSION" ]; then
    "$bin/initdb" -D "$data" --username="$POSTGRES_USER" --encoding=UTF8 --locale=C \\
      --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
    "$bin/pg_ctl" -D "$data" -o "-c listen_addresses=''" -w start
    "$bin/createdb" -U "$POSTGRES_USER" "$POSTGRES_DB"
    "$bin/pg_ctl" -D "$data" -m fast -w stop
  fi
  exec "$bin/postgres" -D "$data" -c "listen_addresses=*"
fi
if [ "$(id -u)" = 0 ]; then
  mkdir -p /var/lib/rabbitmq /var/log/rabbitmq
  # Before a health check makes one that is root's.
  cookie=/var/lib/rabbitmq/.erlang.cookie
  [ -s $cookie ] || (umask 377; head -c 15 /dev/urandom | base64 > $cookie)
  chown rabbitmq /var/lib/rabbitmq /var/log/rabbitmq $cookie
  as rabbitmq "$@"
fi
export RABBITMQ_LOGS=-
exec /usr/lib/rabbitmq/bin/rabbitmq-server
"""


class Engine:
    """Runs containers; its calls block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Where this process may not raise its own limits, containers may not, either.
        limits = f'["nofile={most}:{most}", "nproc=4096:4096"]'
        (folder / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = {limits}\n[engine]\nruntime = "runc"\n'
        )
        tools = folder / "tools"
        tools.mkdir()
        # Whoever calls podman, as compose does, gets this storage and no other.
        store = f"--root {_STORE}/root --runroot {_STORE}/run"
        (tools / "podman").write_text(f'#!/bin/sh\nexec {_PODMAN} {store} "$@"\n')
        (tools / "podman").chmod(0o755)

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """The variables of whoever starts containers."""
        mine = dict(os.environ)  # noqa: TID251 - this machine's
        path = f"{self._folder / 'tools'}:{mine['PATH']}"
        settings = str(self._folder / "containers.conf")
        return {**mine, "PATH": path, "CONTAINERS_CONF": settings}

    def podman(self, *arguments: str, status: int | None = 0) -> str:
        """Run podman; return what it prints."""
        return self._run("podman", *arguments, status=status)

    def compose(self, folder: Path, *arguments: str, **variables: str) -> str:
        """Run Compose over the file of a folder; return what it prints."""
        program = [f"{ROOT}/.venv/bin/uv", "tool", "run", "--quiet", "--from", _COMPOSE]
        return self._run(
            *program, "podman-compose", *arguments, folder=folder, more=variables
        )

    def _run(
        self,
        *command: str,
        status: int | None = 0,
        folder: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> str:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**self.environment, **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert status in {None, done.returncode}, f"{command}\n{done.stdout}"
        return done.stdout


def find_engine(folder: Path) -> Engine:
    """Return an engine that runs containers, or skip."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no container engine: apt-get install {' '.join(missing)}")
    if os.geteuid() != 0:
        pytest.skip("no container engine: only root makes these networks")
    return Engine(folder)


def make_servers(engine: Engine, *names: str) -> None:
    """Make images with PostgreSQL and RabbitMQ, once, under the names that are given.

    Each is named for its server: `…/postgres:17`.
    """
    files = sorted(_files())
    made = hashlib.sha256("\n".join([*files, _SCRIPT]).encode()).hexdigest()[:12]
    base = f"localhost/relaunch-tests/servers:{made}"
    if engine.podman("images", "--quiet", base).strip() == "":
        archive = _STORE / "servers.tar"
        _pack(files, archive)
        engine.podman("import", str(archive), base)
        archive.unlink()
    for name in names:
        server = name.rpartition("/")[2].partition(":")[0]
        folder = _STORE / server
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(
            f"FROM {base}\n"
            f"ENV PATH={_PATH} HOME={_HOMES[server]}\n"
            f'ENTRYPOINT ["/{_ENTRY}"]\nCMD ["{server}"]\n'
        )
        engine.podman("build", "--quiet", "--tag", name, str(folder))


def _files() -> Iterator[str]:
    """List what the packages and all that they need have put here."""
    options = [f"--no-{word}" for word in _NO]
    said = _said(
        "apt-cache", "depends", "--recurse", "--installed", *options, *_PACKAGES
    )
    packages = sorted(set(re.findall(r"^(\w\S*?)(?::\w+)?$", said, re.MULTILINE)))
    for name in set(_said("dpkg-query", "--listfiles", *packages).splitlines()):
        path = Path(name)
        # `/bin` and its like are links to folders below `/usr`.
        real = Path(os.path.realpath(path.parent)) / path.name
        if (real.is_file() or real.is_symlink()) and not _UNUSED.search(str(real)):
            inside = str(real).lstrip("/")
            if not inside.startswith(_OWN) and inside not in _LINKS:
                yield inside


def _said(*command: str) -> str:
    # Some packages are only names for others, which dpkg complains of.
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _pack(files: list[str], archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    (archive.parent / "entry").write_text(_SCRIPT)
    (archive.parent / "entry").chmod(0o755)
    with tarfile.open(archive, "w") as packed:
        for name in files:
            packed.add(f"/{name}", name, recursive=False)
        for name in _OWN[:-1]:
            packed.add(f"/{name}", name)
        packed.add("/tmp", "tmp", recursive=False)  # noqa: S108 - with its rights
        packed.add(archive.parent / "entry", _ENTRY)
        for name in _LINKS:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            packed.addfile(link)
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        link = tarfile.TarInfo("usr/lib/postgresql/bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(versions[-1])
        packed.addfile(link)
