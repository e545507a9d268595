"""Servers that take their time: whoever reads another one does not wait for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.forge_api.http import MAX_CONNECTIONS
from service.adapters.smart_http.places import AT_ONCE, AT_ONCE_OF_HOST
from service.domain.repository import CommitSha, Repository
from service.domain.rights.caller import ANONYMOUS
from service.domain.source import Head, Revision
from service.errors import TransientError
from service.ports.remote import FullRemote
from service.usecases.environments.probe import RepositoryProber
from service.usecases.platform.probe_limit import PROBES_AT_ONCE, ProbeLimit
from tests.support.builders import ToldBuilder
from tests.support.clock import TurnedClock
from tests.support.githttp import GitForge, git_forge
from tests.support.repos import Repo
from tests.support.sandbox import SANDBOX
from tests.support.smart import smart_remote

FILES = {"requirements.txt": "six\n"}
NAME = "owner/name.git"


@dataclass
class Place:
    """A repository on a server that is slow from now on, and the same on another."""

    slow: GitForge
    quick: GitForge
    remote: FullRemote

    def prober(self, *, deadline: timedelta) -> RepositoryProber:
        return RepositoryProber(
            remote=self.remote,
            anonymous_remote=self.remote,
            sandbox=SANDBOX,
            builder=ToldBuilder(clock=TurnedClock()),
            allow_files=False,
            limit=ProbeLimit(deadline=deadline),
        )

    async def read_quick_one(self) -> None:
        repository = at(self.quick)
        head = await self.remote.head(repository, Revision.from_text(None))
        assert isinstance(head, Head)
        async with self.remote.tree(repository, head.commit) as tree:
            assert "requirements.txt" in await tree.entries(["requirements.txt"])

    async def read_slow_one(self, commit: str) -> None:
        with suppress(TransientError):
            async with self.remote.tree(at(self.slow), CommitSha(commit)) as tree:
                await tree.entries(["requirements.txt"])


def at(forge: GitForge) -> Repository:
    return Repository.from_url(f"{forge.url}/{NAME}")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    Repo(tmp_path / NAME).commit(FILES)
    async with (
        git_forge(tmp_path) as slow,
        git_forge(tmp_path) as quick,
        smart_remote() as remote,
    ):
        # What it can do is known, so that it is asked for objects at once.
        await remote.head(at(slow), Revision.from_text(None))
        slow.faults.hangs = True
        slow.seen.clear()
        yield Place(slow, quick, remote)


async def test_a_host_that_hangs_leaves_most_places_to_others(
    place: Place,
) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = [
            group.create_task(place.read_slow_one(f"{number:040x}"))
            for number in range(1, AT_ONCE + 1)
        ]
        while len(place.slow.seen) < AT_ONCE_OF_HOST:  # noqa: ASYNC110 - it may be slow
            await asyncio.sleep(0.01)

        await place.read_quick_one()

        assert len(place.slow.seen) == AT_ONCE_OF_HOST
        for task in waiting:
            task.cancel()


async def test_a_server_that_trickles_its_refs_keeps_nobody_for_a_whole_deadline(
    tmp_path: Path,
) -> None:
    Repo(tmp_path / NAME).commit(FILES)
    async with (
        git_forge(tmp_path) as slow,
        smart_remote(deadline=timedelta(seconds=8)) as remote,
    ):
        slow.faults.trickles = True
        with pytest.raises(TransientError, match="no answer in 0:00:02"):
            await remote.head(at(slow), Revision.from_text(None))


async def test_who_waits_for_others_of_its_host_has_the_whole_time_for_its_answer(
    tmp_path: Path,
) -> None:
    Repo(tmp_path / NAME).commit(FILES)
    async with (
        git_forge(tmp_path) as slow,
        smart_remote(deadline=timedelta(seconds=16)) as remote,
    ):
        # Two requests of each that looks: all together take longer than the four
        # seconds of one.
        slow.faults.takes = 1.2
        async with asyncio.TaskGroup() as group:
            looks = [
                group.create_task(remote.head(at(slow), Revision.from_text(None)))
                for _ in range(2 * MAX_CONNECTIONS)
            ]

        assert all(isinstance(look.result(), Head) for look in looks)


async def test_probes_of_a_server_that_hangs_end_in_time_and_keep_nobody_waiting(
    place: Place,
) -> None:
    prober = place.prober(deadline=timedelta(seconds=5))

    async with asyncio.TaskGroup() as group:
        probes = [
            group.create_task(probed(prober, at(place.slow).url))
            for _ in range(PROBES_AT_ONCE + 2)
        ]
        await place.read_quick_one()
        # Not at the end: one that waited may get the place of one that was given up.
        at_once = len(place.slow.seen)

    assert all("not read in time" in task.result() for task in probes)
    assert at_once <= PROBES_AT_ONCE


async def test_a_probe_has_its_turn_again_after_those_that_hung(place: Place) -> None:
    prober = place.prober(deadline=timedelta(seconds=20))
    async with asyncio.TaskGroup() as group:
        hanging = [
            group.create_task(probed(prober, at(place.slow).url))
            for _ in range(PROBES_AT_ONCE)
        ]
        last = group.create_task(probed(prober, at(place.quick).url))
        while len(place.slow.seen) < PROBES_AT_ONCE:  # noqa: ASYNC110 - it may be slow
            await asyncio.sleep(0.01)
        assert place.quick.seen == []

        hanging[0].cancel()

        assert await last == "requirements.txt"
        for task in hanging:
            task.cancel()


async def probed(prober: RepositoryProber, url: str) -> str:
    """Return the definition that was found, or what went wrong."""
    try:
        return (await prober.probe(ANONYMOUS, url)).path
    except TransientError as exc:
        return str(exc)
