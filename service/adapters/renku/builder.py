"""Have an upstream Renku build the environments of its launchers.

Renku runs one build of an environment at a time, refuses another with 409, builds
whatever the revision names when it clones, and moves a build on only when it is read.
So for each build of ours a row names the one of Renku's that is followed:

    no build yet ──POST 201──▶ ours ──────────succeeded, right commit──▶ finished
      ▲  └──POST 409──▶ another's (the environment is dirty)        ──▶ finished
      └───────────── it ended, or built an older commit ◀──────────────┘
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Final, Self
from weakref import WeakValueDictionary

from service.adapters.renku.client import RenkuClient
from service.adapters.renku.errors import UpstreamRefusedError, refusal_of
from service.adapters.renku.following import BuildFollower
from service.adapters.renku.identity import RenkuIdentity
from service.adapters.renku.logs import UpstreamLogs
from service.domain.building.build import Build, BuildId, Image
from service.errors import ConflictError, NotFoundError
from service.ports.builder import (
    Observation,
    RefusedError,
    Vanished,
)
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["RenkuBuilder"]


AT_ONCE: Final = 8
"""Builds that are read at the same time."""


class RenkuBuilder(RenkuIdentity):
    """Implement the port `Builder`; what it knows is in the store.

    One per leader. Moving launchers is Renku's own: it gives a new image to its
    launcher in the transaction that ends the build.

    Args:
        client: Asks Renku; closed by whoever opened it.
        store: Knows which builds of Renku serve ours.
        clock: Gives the time.
        logs: Stores the logs of builds.
        poll: How often running builds are read.
    """

    def __init__(
        self,
        *,
        client: RenkuClient,
        store: Store,
        clock: Clock,
        logs: UpstreamLogs,
        poll: timedelta,
    ) -> None:
        super().__init__(client.url)
        self._client = client
        self._store = store
        self._clock = clock
        self._following = BuildFollower(
            client=client, store=store, clock=clock, logs=logs
        )
        self._poll = poll
        # Scheduler and watcher call at the same time: both would ask for a build that
        # has none in Renku yet, and the second would take the first for somebody's.
        self._locks = WeakValueDictionary[BuildId, asyncio.Lock]()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del kind, exc, traceback

    async def start(self, build: Build) -> None:
        async with self._lock_of(build.id):
            await self._start(build)

    async def _start(self, build: Build) -> None:
        known = await self._following.row(build.id)
        if known is None or known.attempt < build.attempt:
            known = await self._following.begin(build)
        if known.upstream_id is not None:
            return
        try:
            await self._following.post(known)
        except UpstreamRefusedError as exc:
            # As if this attempt had never begun: the watcher, which may wait for the
            # lock now, would otherwise ask once more for what was refused.
            ended = replace(known, attempt=build.attempt - 1, is_released=True)
            await self._following.save(ended)
            raise RefusedError(refusal_of(exc)) from exc

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        room = asyncio.Semaphore(AT_ONCE)
        seen: dict[BuildId, Observation] = {}

        async def observe_one(build: Build) -> None:
            async with room, self._lock_of(build.id):
                row = await self._following.row(build.id)
                is_known = row is not None and row.attempt == build.attempt
                seen[build.id] = (
                    await self._following.observe(build, row)
                    if row and is_known
                    else Vanished()
                )

        async with asyncio.TaskGroup() as group:
            for build in builds:
                group.create_task(observe_one(build))
        return seen

    async def changed(self) -> None:
        await self._clock.sleep(self._poll)

    async def cancel(self, build: BuildId) -> None:
        async with self._lock_of(build):
            await self._cancel(build)

    async def _cancel(self, build: BuildId) -> None:
        row = await self._following.row(build)
        if row is None or row.is_released:
            return
        # A person's build that is only followed is not ours to cancel.
        if row.upstream_id is not None and row.is_ours:
            # It has ended, or was removed with its launcher, or the account lost its
            # rights: nothing is left to stop.
            with suppress(UpstreamRefusedError, ConflictError):
                await self._client.patch(
                    "builds", row.upstream_id, body={"status": "cancelled"}
                )
        await self._following.save(replace(row, is_released=True))

    async def release(self, build: BuildId) -> None:
        async with self._lock_of(build):
            row = await self._following.row(build)
            if row is None or row.is_released or await self._following.is_running(row):
                return  # what runs is left to `cancel`
            await self._following.save(replace(row, is_released=True))

    async def known_builds(self) -> Collection[BuildId]:
        async with self._store.reading() as tx:
            return await tx.upstream_builds.unreleased()

    async def has(self, image: Image) -> bool:
        # Renku cannot go back to an image. It "has" the one that its
        # environment starts from at present: that of the newest build that succeeded.
        async with self._store.reading() as tx:
            try:
                build = await tx.builds.get(image.build_id)
            except NotFoundError:
                return False
        try:
            newest = await self._following.newest_success(build.environment_id)
        except UpstreamRefusedError:
            return False
        return newest is not None and newest.image == image.reference

    async def remove_image(self, image: Image) -> bool:
        del image
        return False  # Renku's registry is Renku's

    async def remove_cache(self, build: Build) -> None:
        del build

    async def digest_of(self, reference: str) -> str:
        raise NotFoundError(f"{reference} is nothing that an upstream Renku shows")

    def _lock_of(self, build: BuildId) -> asyncio.Lock:
        return self._locks.setdefault(build, asyncio.Lock())
