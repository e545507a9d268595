"""Seeing a push through: its events as they come, and its end as the API tells it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from service.cli.answer import Answer
from service.cli.client import Client
from service.cli.events import summary
from service.cli.launcher_fields import find_launcher, image_of
from service.cli.output import length
from service.cli.tables import say_styled
from service.errors import NotFoundError, PermanentError

__all__ = ["Seen", "Witness", "witness"]

T = TypeVar("T")

PATIENCE: Final = timedelta(minutes=5)
"""For one push, from first look to last move."""
LOOK_AGAIN: Final = timedelta(seconds=1)
"""Events say when to look; one that was missed costs no more than this."""
FINAL: Final = frozenset({"succeeded", "failed", "cancelled", "superseded"})
BUILDING: Final = frozenset({"initial", "changed"})
"""Verdicts that lead to a build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a commit led to."""

    commit: str
    verdict: str
    build: Answer
    """Empty when there was none."""
    image: str
    """The launcher's, afterwards; empty for none."""
    time: timedelta

    @property
    def ended(self) -> str:
        """Say in a word how the build ended, or `none`."""
        if not self.build.has("id"):
            return "none"
        failed = self.build.inner("failure").text("kind")
        return failed or self.build.text("ended") or self.build.text("state")


class Witness:
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
        """Print every event, and have a look whenever there is one."""
        async for event in self._client.follow("events", "stream"):
            told = summary(Answer(json.loads(event.data)), is_timed=False)
            say_styled((f"  +{length(self._elapsed):>7}  {told}", "dim"))
            self._rang.set()

    async def image(self) -> str:
        """Return the launcher's present image."""
        return image_of(await find_launcher(self._client, self._launcher))

    async def see(self, commit: str) -> Seen:
        """Wait until nothing more follows from a commit, and say what it led to.

        Raises:
            PermanentError: It takes longer than anybody would wait.
        """
        evaluation = await self._until(lambda: self._evaluation(commit))
        verdict = evaluation.text("verdict")
        build = Answer({})
        if verdict in BUILDING:
            build = await self._until(lambda: self._build(commit, is_final=True))
            await self._until(lambda: self._moved(build))
        else:
            build = await self._build(commit, is_final=False) or build
        return Seen(
            commit=commit,
            verdict=verdict,
            build=build,
            image=await self.image(),
            time=self._elapsed,
        )

    @property
    def _elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._began)

    async def _until(self, look: Callable[[], Awaitable[T | None]]) -> T:
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                while True:
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

    async def _evaluation(self, commit: str) -> Answer | None:
        try:
            found = await find_launcher(self._client, self._launcher)
        except NotFoundError:
            return None
        source = found.text("source_id")
        told = await self._client.list("sources", source, "evaluations")
        known = (it for it in told if it.text("commit") == commit)
        return next((it for it in known if it.text("verdict") != "unknown"), None)

    async def _build(self, commit: str, *, is_final: bool) -> Answer | None:
        found = await find_launcher(self._client, self._launcher)
        environment = found.inner("environment").text("id")
        told = await self._client.list("environments", environment, "builds")
        known = (it for it in told if it.text("commit") == commit)
        return next(
            (it for it in known if not is_final or it.text("state") in FINAL), None
        )

    async def _moved(self, build: Answer) -> bool | None:
        """Say yes once the launcher has the build's image; at once if it made none."""
        wanted = build.inner("result").text("image")
        return True if not wanted or await self.image() == wanted else None


@asynccontextmanager
async def witness(client: Client, launcher: str) -> AsyncIterator[Witness]:
    """Watch a launcher, by its name, while the block runs."""
    eyes = Witness(client=client, launcher=launcher)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(eyes.listen())
        yield eyes
        listening.cancel()
