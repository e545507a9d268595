"""Repositories to build, and a builder to build them with."""

import asyncio
import os
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from service.adapters.clock import SystemClock
from service.adapters.local.builder import LocalBuilder
from service.adapters.local.options import LocalOptions, passed
from service.adapters.local.worker_process import LogWriter
from service.definitions.kinds.names import PROJECT
from service.definitions.registry import kind_spec
from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildSpec,
    BuildState,
    EnvironmentId,
    Image,
)
from service.domain.building.failure import Failure
from service.domain.definition import Kind
from service.domain.repository import CommitSha
from service.ports.builder import Builder, Finished, Running
from service.ports.store import LogLine
from service.ports.time import Clock
from tests.support.clock import NOW

PATHS = {kind: (kind_spec(kind).names or (PROJECT,))[-1] for kind in Kind}
PASSED = passed(os.environ)  # noqa: TID251 - what this machine needs to reach an index


class KeptLogs:
    """Keeps what builds say."""

    def __init__(self) -> None:
        self.said: dict[BuildId, list[tuple[str, str]]] = defaultdict(list)

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        self.said[build] += [(phase, line) for line in lines]

    async def read(
        self, build: BuildId, *, after: int = 0, limit: int = 1000
    ) -> Sequence[LogLine]:
        said = self.said[build][after : after + limit]
        return [
            LogLine(seq=seq, phase=phase, text=text)
            for seq, (phase, text) in enumerate(said, after + 1)
        ]

    def text(self) -> str:
        return "\n".join(line for lines in self.said.values() for _, line in lines)

    def phases(self, build: BuildId) -> list[str]:
        return list(dict.fromkeys(phase for phase, _ in self.said[build]))


def a_repository(folder: Path, files: Mapping[str, str]) -> tuple[str, CommitSha]:
    """Commit files; return the repository's URL and the commit."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=work")
    return f"file://{folder}", CommitSha(git(folder, "rev-parse", "HEAD"))


def git(folder: Path, *arguments: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["git", "-c", "user.name=T", "-c", "user.email=t@localhost", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def a_build(
    repository: tuple[str, CommitSha],
    kind: Kind,
    *,
    id: str = "01BUILD",  # noqa: A002 - as the field is called
    frontend: str = "none",
    attempt: int = 1,
    context_dir: str = "",
    path: str = "",
) -> Build:
    url, commit = repository
    path = path or PATHS[kind]
    path = f"{context_dir}/{path}" if context_dir else path
    return Build(
        id=BuildId(id),
        key=BuildKey("0" * 64),
        state=BuildState.RUNNING,
        spec=BuildSpec(
            builder="python",
            frontend=frontend,
            platform="linux/amd64",
            builder_image="local/1",
        ),
        kind=kind,
        repository_url=url,
        commit=commit,
        context_dir=context_dir,
        path=path,
        environment_id=EnvironmentId("E"),
        project_id="P",
        attempt=attempt,
        created_at=NOW,
    )


def some_options(**changes: object) -> LocalOptions:
    """Options that build local repositories quickly."""
    defaults: dict[str, object] = {
        "allow_files": True,
        "passed_environment": PASSED,
        "min_free_disk": 0,
    }
    return LocalOptions(**{**defaults, **changes})  # type: ignore[arg-type]


def a_builder(
    root: Path,
    *,
    logs: LogWriter | None = None,
    clock: Clock | None = None,
    **changes: object,
) -> LocalBuilder:
    return LocalBuilder(
        root=root,
        clock=clock or SystemClock(),
        logs=logs or KeptLogs(),
        options=some_options(**changes),
    )


async def finished(builder: Builder, build: Build) -> Finished:
    """Wait for the end of a build."""
    while True:
        seen = (await builder.observe([build]))[build.id]
        if isinstance(seen, Finished):
            return seen
        assert isinstance(seen, Running), seen
        await builder.changed()


async def image_of(builder: Builder, build: Build) -> Image:
    """Build, and expect an image."""
    await builder.start(build)
    outcome = (await finished(builder, build)).outcome
    assert isinstance(outcome, Image), outcome
    return outcome


async def failure_of(builder: Builder, build: Build) -> Failure:
    """Build, and expect a failure."""
    await builder.start(build)
    outcome = (await finished(builder, build)).outcome
    assert isinstance(outcome, Failure), outcome
    return outcome


def said_by(
    builder: LocalBuilder, image: Image, *argv: str, frontend: bool = False
) -> str:
    """Run a command inside an image."""
    command, environment = builder.command_in(image.reference, argv, frontend=frontend)
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


def a_project_that_runs(code: str) -> dict[str, str]:
    """A uv project whose installation runs Python code, and needs no index."""
    return {
        "pyproject.toml": '[project]\nname = "x"\nversion = "0.1.0"\n'
        'requires-python = ">=3.9"\n[build-system]\nrequires = []\n'
        'build-backend = "backend"\nbackend-path = ["."]\n',
        "uv.lock": 'version = 1\nrequires-python = ">=3.9"\n\n[[package]]\n'
        'name = "x"\nversion = "0.1.0"\nsource = { editable = "." }\n',
        "backend.py": "def build_editable(*_):\n"
        + "".join(f"    {line}\n" for line in code.splitlines()),
    }


async def until_appears(marker: str) -> None:
    """Wait for a process whose command line holds a text."""
    async with asyncio.timeout(15):
        while not processes_with(marker):  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.05)


def processes_with(marker: str) -> list[int]:
    """Return the processes of this machine whose command line holds a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
