"""A builder over the stand-in of Renku, a real database and a real repository."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp

from service.adapters.clock import SystemClock
from service.adapters.renku.access_tokens import FixedToken
from service.adapters.renku.builder import RenkuBuilder
from service.adapters.renku.client import RenkuClient
from service.adapters.store import SqlStore
from service.domain.building.build import (
    Build,
    BuildId,
    EnvironmentId,
    Image,
)
from service.domain.building.failure import Failure
from service.domain.evaluation.comparison import EvaluationId
from service.domain.evaluation.queue import Debounce
from service.domain.hook import Secret
from service.domain.repository import CommitSha
from service.ports.builder import Finished, Observation
from service.ports.store import Store
from tests.support.clock import NOW
from tests.support.databases import sqlite_database
from tests.support.renku import Launcher, Renku, a_renku
from tests.support.repos import Repo
from tests.support.values import (
    a_build,
    a_launcher,
    a_source,
    an_evaluation,
)


@dataclass(slots=True)
class KeptLines:
    """Stores the output of builds."""

    lines: list[tuple[BuildId, str, str]] = field(default_factory=list)
    fault: OSError | None = None
    """What every line meets, such as a full disk."""

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        if self.fault is not None:
            raise self.fault
        self.lines += [(build, phase, line) for line in lines]


@dataclass(slots=True, kw_only=True)
class Upstream:
    """A launcher in Renku, and what builds for it."""

    renku: Renku
    repo: Repo
    launcher: Launcher
    store: Store
    client: RenkuClient
    token: str
    logs: KeptLines = field(default_factory=KeptLines)

    @property
    def environment(self) -> EnvironmentId:
        return EnvironmentId(self.launcher.environment.id)

    def builder(self) -> RenkuBuilder:
        """Return a builder; each is like that of another process."""
        return RenkuBuilder(
            client=self.client,
            store=self.store,
            clock=SystemClock(),
            logs=self.logs,
            poll=timedelta(milliseconds=10),
        )

    async def wanted(self, commit: str = "", **changes: object) -> Build:
        """Return a build of a commit, by default the branch's, that is on record."""
        build = a_build(
            commit=CommitSha(commit or self.repo.tip()),
            environment_id=self.environment,
            **changes,
        )
        async with self.store.transaction() as tx:
            await tx.builds.add(build)
        return build

    async def evaluated(self, *commits: str) -> None:
        """Write down that commits were evaluated, the oldest first."""
        async with self.store.transaction() as tx:
            await tx.sources.find_or_add(a_source())
            await tx.launchers.add(a_launcher(environment_id=self.environment))
            for place, commit in enumerate(commits):
                await tx.evaluations.add(
                    an_evaluation(
                        id=EvaluationId(f"evaluation-{place}"),
                        commit=CommitSha(commit),
                        generation=place + 1,
                        completed_at=NOW + timedelta(seconds=place),
                    )
                )

    async def evaluate(self, commit: str) -> None:
        """Do the evaluation that is requested, and once; it sees a commit."""
        async with self.store.transaction() as tx:
            source = a_source().id
            ((request_id, request),) = await tx.evaluation_queue.requests(source)
            await tx.evaluations.add(
                an_evaluation(
                    id=EvaluationId("evaluation-requested"),
                    commit=CommitSha(commit),
                    generation=100,
                    trigger=request.trigger,
                    completed_at=NOW + timedelta(hours=1),
                )
            )
            await tx.evaluation_queue.settle(
                source, ids=[request_id], now=NOW, debounce=Debounce()
            )


@asynccontextmanager
async def an_upstream(folder: Path) -> AsyncIterator[Upstream]:
    repo = Repo(folder / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n"})
    async with (
        a_renku() as renku,
        sqlite_database(folder / "relaunch.db") as database,
        aiohttp.ClientSession() as session,
    ):
        token = renku.accounts.new_access()
        tokens = FixedToken(Secret(token))
        yield Upstream(
            renku=renku,
            repo=repo,
            launcher=renku.add_launcher(renku.add_project(), repo),
            store=SqlStore(database),
            client=RenkuClient(session=session, url=renku.url, tokens=tokens),
            token=token,
        )


async def seen_of(builder: RenkuBuilder, build: Build) -> Observation:
    """Observe one build."""
    return (await builder.observe([build]))[build.id]


def image_of(seen: Observation) -> Image:
    assert isinstance(seen, Finished), seen
    assert isinstance(seen.outcome, Image), seen.outcome
    return seen.outcome


def failure_in(seen: Observation) -> Failure:
    assert isinstance(seen, Finished), seen
    assert isinstance(seen.outcome, Failure), seen.outcome
    return seen.outcome
