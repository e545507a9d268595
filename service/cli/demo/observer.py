"""Observe a push: its events as they come, and its result from the API."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from service.cli.client import models
from service.cli.client.api import Client
from service.cli.launchers.fields import find_launcher, image_of
from service.cli.output.event_lines import event_line
from service.cli.output.printing import length
from service.cli.output.tables import echo_styled
from service.errors import NotFoundError, PermanentError
from service.events.envelope import Event

__all__ = ["ObservedPush", "PushObserver", "observe_push"]

T = TypeVar("T")

PATIENCE: Final = timedelta(minutes=5)
"""For one push, from evaluation to rollout."""
LOOK_AGAIN: Final = timedelta(seconds=1)
"""Events trigger a check; one that was missed costs no more than this."""
FINAL: Final = frozenset({"succeeded", "failed", "cancelled", "superseded"})
BUILDING: Final = frozenset({"initial", "changed"})
"""Verdicts that lead to a build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPush:
    """What a commit led to."""

    commit: str
    verdict: str
    build: "models.BuildDetails | None"
    """None when there was none."""
    image: str
    """The launcher's, afterwards; empty for none."""
    time: timedelta

    @property
    def ended(self) -> str:
        """Return in a word how the build ended, or `none`."""
        build = self.build
        if build is None:
            return "none"
        return build.failure.kind if build.failure else build.ended or build.state


class PushObserver:
    """Watches one launcher.

    Args:
        client: Of the service.
        launcher: Its name.
    """

    def __init__(self, *, client: Client, launcher: str) -> None:
        self._client = client
        self._launcher = launcher
        self._rang = asyncio.Event()
        self._began = time.monotonic()

    def begin(self) -> None:
        """Count the time from now."""
        self._began = time.monotonic()

    async def listen(self) -> None:
        """Print every event, and check the outcome after each."""
        async for event in self._client.follow("events", "stream"):
            line = event_line(Event.from_bytes(event.data), is_timed=False)
            echo_styled((f"  +{length(self._elapsed):>7}  {line}", "dim"))
            self._rang.set()

    async def image(self) -> str:
        """Return the launcher's present image."""
        return image_of(await find_launcher(self._client, self._launcher))

    async def see(self, commit: str) -> ObservedPush:
        """Wait until nothing more follows from a commit, and return what it led to.

        Raises:
            PermanentError: It takes longer than anybody would wait.
        """
        evaluation = await self._until(lambda: self._evaluation(commit))
        build = await self._result(commit, evaluation.verdict)
        return ObservedPush(
            commit=commit,
            verdict=evaluation.verdict,
            build=build,
            image=await self.image(),
            time=self._elapsed,
        )

    async def _result(self, commit: str, verdict: str) -> "models.BuildDetails | None":
        if verdict not in BUILDING:
            return await self._build(commit, is_final=False)
        # In this order: the build of a commit exists only after its evaluation, and
        # the image changes only after the build.
        build = await self._until(lambda: self._build(commit, is_final=True))
        await self._until(lambda: self._moved(build))
        return build

    @property
    def _elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._began)

    async def _until(self, look: Callable[[], Awaitable[T | None]]) -> T:
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                while True:
                    # Cleared before the check: an event that arrives while the check
                    # runs triggers another one, and none is lost between the two.
                    self._rang.clear()
                    found = await look()
                    if found is not None:
                        return found
                    await self._ring()
        except TimeoutError as exc:
            raise PermanentError(
                f"nothing came of it within {length(PATIENCE)}; the service's log may "
                "tell why (`--keep` leaves it)"
            ) from exc

    async def _ring(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN.total_seconds()):
                await self._rang.wait()
        except TimeoutError:
            return

    async def _evaluation(self, commit: str) -> "models.EvaluationResponse | None":
        try:
            found = await find_launcher(self._client, self._launcher)
        except NotFoundError:
            return None
        if found.source_id is None:
            return None
        evaluations = await self._client.list(
            models.EvaluationResponse, "sources", found.source_id, "evaluations"
        )
        known = (each for each in evaluations if each.commit == commit)
        # A forge that did not answer is retried, so `unknown` is no result yet.
        return next((each for each in known if each.verdict != "unknown"), None)

    async def _build(
        self, commit: str, *, is_final: bool
    ) -> "models.BuildDetails | None":
        found = await find_launcher(self._client, self._launcher)
        builds = await self._client.list(
            models.BuildDetails, "environments", found.environment.id, "builds"
        )
        known = (each for each in builds if each.commit == commit)
        return next(
            (each for each in known if not is_final or each.state in FINAL), None
        )

    async def _moved(self, build: "models.BuildDetails") -> bool | None:
        """Return True once the launcher has the build's image, or there is none."""
        if build.result is None:
            return True
        return True if await self.image() == build.result.image else None


@asynccontextmanager
async def observe_push(client: Client, launcher: str) -> AsyncIterator[PushObserver]:
    """Watch a launcher, by its name, while the block runs."""
    eyes = PushObserver(client=client, launcher=launcher)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(eyes.listen())
        yield eyes
        # The stream of events never ends by itself, and the group would wait for it.
        listening.cancel()
