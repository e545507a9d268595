"""A forge and a builder of the bench: they answer after a fixed time, from memory.

What is measured beside them is the service's own share: bus, database, decisions.
"""

# ruff: noqa: D102 - methods of ports, which have the docstrings

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Self

from service.domain.building.build import Build, BuildId, EnvironmentId, Image
from service.domain.definition import ABSENT, FILE, Entry, Kind
from service.domain.evaluation.comparison import RefMissing
from service.domain.findings import Finding
from service.domain.repository import BlobId, CommitSha, Ref, Repository
from service.domain.source import Head, Revision
from service.ports.builder import Finished, Observation, Running, Vanished
from service.ports.remote import NO_READS, ExpectedReads
from service.ports.time import Clock

__all__ = ["BenchBuilder", "BenchRemote"]

PATH = "requirements.txt"


class _Tree:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._oid = BlobId(hashlib.sha1(content, usedforsecurity=False).hexdigest())

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        there = Entry(mode=FILE, oid=self._oid, size=len(self._content))
        missing = Entry(mode=ABSENT, oid=BlobId(""))
        return {path: there if path == PATH else missing for path in paths}

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        del limit
        return None if path else await self.entries([PATH])

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        del oid, limit
        return self._content


class BenchRemote:
    """Repositories with one definition file, which `push` replaces.

    Args:
        answers_in: Seconds for one answer.
        moves: Whether each question about a head finds another commit, which left the
            definition as it was.
    """

    def __init__(self, *, answers_in: float, moves: bool = False) -> None:
        self._answers_in = answers_in
        self._moves = moves
        self._versions: dict[str, int] = {}

    def push(self, path: str) -> None:
        """Change the definition of a repository."""
        self._versions[path] = self._versions.get(path, 0) + 1

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        del revision, expected
        await asyncio.sleep(self._answers_in)
        version = f"{repository.path} {self._versions.get(repository.path, 0)}"
        if self._moves:
            version += f" {time.time_ns()}"
        digest = hashlib.sha1(version.encode(), usedforsecurity=False).hexdigest()
        return Head(commit=CommitSha(digest), ref=Ref("refs/heads/main"))

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        return {
            revision: await self.head(repository, revision) for revision in revisions
        }

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        """Return the one branch that there is."""
        del repository, limit
        return ["main"]

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[_Tree]:
        del commit
        # What is expected comes with the head, as it does from a forge's GraphQL
        # (`service/adapters/github/head_lookup.py`).
        if expected == NO_READS:
            await asyncio.sleep(self._answers_in)
        number = self._versions.get(repository.path, 0)
        name = repository.path.replace("/", "-")
        yield _Tree(f"six==1.17.0\n{name}=={number}\n".encode())


class BenchBuilder:
    """Starts a build in a fixed time, as an API server does, and ends it after another.

    Args:
        clock: Gives the times of images.
        starts_in: Seconds that one start takes; any number may be under way.
        takes: Seconds from the start of a build to its end.
    """

    def __init__(self, *, clock: Clock, starts_in: float, takes: float) -> None:
        self._clock = clock
        self._starts_in = starts_in
        self.takes = takes
        """Seconds that builds take which start from now on."""
        self._ends: dict[BuildId, float] = {}
        self.started: dict[str, float] = {}
        """When the last build of each repository was started, by its URL."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    def identity(self, *, frontend: str) -> str:
        return f"bench/1 {frontend}"

    def scope(self, project: str, environment: EnvironmentId) -> str:
        del project, environment
        return ""

    def pull_secret(self, reference: str) -> str:
        del reference
        return ""

    def builds_for(self, platform: str) -> bool:
        """Build for everything."""
        return bool(platform)

    def provides(self, frontend: str) -> bool:
        del frontend
        return True

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        del kind
        return ()

    def bases(self) -> Collection[str]:
        return ()

    async def digest_of(self, reference: str) -> str:
        return reference

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        del digests

    async def start(self, build: Build) -> None:
        await asyncio.sleep(self._starts_in)
        now = time.monotonic()
        self._ends[build.id] = now + self.takes
        self.started[build.repository_url] = now

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        now = time.monotonic()
        return {build.id: self._state(build, now) for build in builds}

    def _state(self, build: Build, now: float) -> Observation:
        end = self._ends.get(build.id)
        if end is None:
            return Vanished()
        if end > now:
            return Running()
        image = Image(
            reference=f"bench@sha256:{build.key}",
            size=1,
            packages=(),
            built_at=self._clock.now(),
            build_id=build.id,
        )
        return Finished(outcome=image, at=self._clock.now())

    async def changed(self) -> None:
        now = time.monotonic()
        ends = [end - now for end in self._ends.values()]
        await asyncio.sleep(max(0.02, min(ends, default=0.1)))

    async def cancel(self, build: BuildId) -> None:
        self._ends.pop(build, None)

    async def release(self, build: BuildId) -> None:
        self._ends.pop(build, None)

    async def known_builds(self) -> Collection[BuildId]:
        return list(self._ends)

    async def remove_image(self, image: Image) -> bool:
        del image
        return True

    async def remove_cache(self, build: Build) -> None:
        del build

    async def has(self, image: Image) -> bool:
        del image
        return True
