"""Commands of users that pin launchers to their image, or to an earlier one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from service.domain.building.build import Rebuild, RebuildId
from service.domain.launcher import Launcher, LauncherId
from service.domain.source import Source, SourceId
from service.errors import ConflictError, InvalidRequestError, NotFoundError
from service.ports.store import Store, Transaction
from service.ports.time import Clock
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.updates.compare_images import find_image, find_work
from service.usecases.updates.lock_launcher import lock_launcher

__all__ = ["LauncherPinner"]

LOOKED_BACK: Final = 200
"""Rebuilds of an environment among which earlier images are looked for."""


class LauncherPinner:
    """Pin launchers, unpin them and roll them back.

    A pinned launcher keeps its image: nothing is built for it by itself, and what a
    person has built is offered to it. The application makes one for each process that
    serves the REST API; it holds no state.

    Args:
        store: The database.
        clock: The current time.
        events: Adds events to the outbox.
        rebuilds: Requests what an unpinned launcher is behind.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        events: EventRecorder,
        rebuilds: RebuildRequester,
    ) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._rebuilds = rebuilds

    async def pin(self, launcher_id: LauncherId) -> Launcher:
        """Pin a launcher to the image that it has; a pinned one stays so.

        Raises:
            NotFoundError: There is no such launcher.
            InvalidRequestError: Nothing is built for it, so nothing would move it.
            ConflictError: It has no image yet, or a concurrent request changes it.
        """
        async with lock_launcher(self._store, launcher_id) as (tx, launcher):
            _check_source(launcher)
            if launcher.image is None:
                raise ConflictError(
                    f"Session launcher with id '{launcher_id}' has no image yet that "
                    "it could be pinned to."
                )
            return await self._save_pinned(tx, launcher)

    async def unpin(self, launcher_id: LauncherId) -> Launcher:
        """Have a launcher updated again, at once if it is behind.

        Raises:
            NotFoundError: There is no such launcher.
            ConflictError: A concurrent request changes it.
        """
        async with lock_launcher(self._store, launcher_id) as (tx, launcher):
            if launcher.pinned_at is None:
                return launcher
            free = replace(launcher, pinned_at=None)
            await tx.launchers.save(free)
            if free.source_id is not None:
                source = await tx.sources.get(free.source_id)
                await self._rebuilds.reconcile(tx, free, source)
            return await tx.launchers.get(launcher_id)

    async def roll_back(
        self, launcher_id: LauncherId, build: RebuildId | None = None
    ) -> Launcher:
        """Move a launcher to an image that was built for it earlier, and pin it there.

        Without the pin the next evaluation would move it forward again.

        Args:
            launcher_id: The launcher.
            build: The rebuild whose image it gets; None for the newest one that has
                another image than the launcher and is older.

        Raises:
            NotFoundError: There is no such launcher, or no such build of it.
            InvalidRequestError: The build has no image, or the launcher could not start
                from it any more.
            ConflictError: There is no earlier image, or a concurrent request changes
                the launcher.
        """
        async with lock_launcher(self._store, launcher_id) as (tx, launcher):
            source = await tx.sources.get(_check_source(launcher))
            if build is None:
                rebuild = await _previous(tx, launcher)
            else:
                rebuild = await _build_of(tx, launcher, build)
            await _check_image(tx, launcher, rebuild)
            if rebuild.image != launcher.image:
                await self._move(tx, launcher, source, rebuild)
            return await self._save_pinned(tx, await tx.launchers.get(launcher_id))

    async def find_earlier(self, launcher_id: LauncherId, build: RebuildId) -> Rebuild:
        """Return a build that a launcher could be rolled back to at present.

        Raises:
            NotFoundError: As `roll_back` does.
            InvalidRequestError: As `roll_back` does.
            ConflictError: As `roll_back` does.
        """
        async with self._store.reading() as tx:
            launcher = await tx.launchers.get(launcher_id)
            _check_source(launcher)
            rebuild = await _build_of(tx, launcher, build)
            await _check_image(tx, launcher, rebuild)
            return rebuild

    async def earlier_images(self, launcher_id: LauncherId) -> Sequence[Rebuild]:
        """Return the rebuilds that a launcher can be rolled back to, newest first.

        One for each image, without the one that the launcher has.

        Raises:
            NotFoundError: There is no such launcher.
        """
        async with self._store.reading() as tx:
            launcher = await tx.launchers.get(launcher_id)
            return await _earlier(tx, launcher)

    async def _move(
        self,
        tx: Transaction,
        launcher: Launcher,
        source: Source,
        rebuild: Rebuild,
    ) -> None:
        assert rebuild.plan is not None
        assert rebuild.image is not None
        image = await find_image(tx, rebuild)
        # Above all that is planned, so that no build under way moves it off again; it
        # is still forward, by compare-and-set.
        generation = 1 + max(
            source.generation,
            launcher.generation,
            launcher.wanted_generation,
            launcher.available_generation,
        )
        await tx.launchers.roll_out(
            launcher.id,
            image=rebuild.image,
            key=rebuild.plan.key,
            generation=generation,
            built_at=image.built_at if image else rebuild.completed_at,
        )
        await self._events.moved(
            tx, launcher, image=rebuild.image, generation=generation
        )

    async def _save_pinned(self, tx: Transaction, launcher: Launcher) -> Launcher:
        if launcher.pinned_at is not None:
            return launcher
        pinned = replace(launcher, pinned_at=self._clock.now())
        await tx.launchers.save(pinned)
        return pinned


def _check_source(launcher: Launcher) -> SourceId:
    if launcher.source_id is None:
        raise InvalidRequestError(
            f"Session launcher with id '{launcher.id}' starts from a ready image, "
            "which nothing moves; only launchers from code are pinned and rolled back."
        )
    return launcher.source_id


async def _build_of(tx: Transaction, launcher: Launcher, build: RebuildId) -> Rebuild:
    try:
        rebuild = await tx.rebuilds.get(build)
    except NotFoundError:
        rebuild = None
    if rebuild is None or rebuild.environment_id != launcher.environment_id:
        raise NotFoundError(
            f"Build with id '{build}' is none of session launcher '{launcher.id}'."
        )
    return rebuild


async def _previous(tx: Transaction, launcher: Launcher) -> Rebuild:
    """Return the newest rebuild that is older than the one of the launcher's image."""
    earlier = await _earlier(tx, launcher, only_older=True)
    if not earlier:
        raise ConflictError(
            f"Session launcher with id '{launcher.id}' has no earlier image to go back "
            "to."
        )
    return earlier[0]


async def _earlier(
    tx: Transaction, launcher: Launcher, *, only_older: bool = False
) -> Sequence[Rebuild]:
    """Return a rebuild of each other image that the launcher can start from."""
    latest = await tx.rebuilds.of_environment(
        launcher.environment_id, limit=LOOKED_BACK
    )
    removed = await tx.retention.removed_images(latest)
    rebuilds = [
        rebuild
        for rebuild in latest
        if _obstacle(launcher, rebuild) is None and rebuild.image not in removed
    ]
    if only_older:
        images = [rebuild.image for rebuild in rebuilds]
        # Behind the last rebuild that gave the launcher its image: after going back
        # once, going back again leads to the one before, not forward.
        if launcher.image in images:
            rebuilds = rebuilds[images.index(launcher.image) + 1 :]
    by_image = {
        rebuild.image: rebuild
        for rebuild in reversed(rebuilds)
        if rebuild.image != launcher.image
    }
    newest_first = sorted(by_image.values(), key=lambda rebuild: rebuild.id)
    return newest_first[::-1]


async def _check_image(tx: Transaction, launcher: Launcher, rebuild: Rebuild) -> None:
    """Refuse a build whose image the launcher cannot start from.

    The build is held, so that its image is not removed before the launcher has it.
    """
    if obstacle := _obstacle(launcher, rebuild):
        raise InvalidRequestError(f"Build with id '{rebuild.id}' {obstacle}.")
    if rebuild.build_id is not None:
        await find_work(tx, rebuild.build_id)
    if rebuild.image in await tx.retention.removed_images([rebuild]):
        raise ConflictError(
            f"The image of build with id '{rebuild.id}' was removed, as nothing had "
            "started from it for long; rebuild the launcher instead."
        )


def _obstacle(launcher: Launcher, rebuild: Rebuild) -> str | None:
    """Return why a launcher cannot start from a rebuild's image; None where it can."""
    if rebuild.plan is None or rebuild.image is None:
        return f"has status {rebuild.state.value}; expected one that succeeded"
    if rebuild.source_id != launcher.source_id:
        return "was built from another source than the launcher tracks now"
    spec = rebuild.plan.spec
    if (spec.builder, spec.frontend, spec.platform) != (
        launcher.builder,
        launcher.frontend,
        launcher.platform,
    ):
        return (
            f"was built with the frontend {spec.frontend} for {spec.platform}, and the "
            f"launcher has {launcher.frontend} for {launcher.platform}"
        )
    return None
