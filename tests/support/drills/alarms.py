"""What a drill sees: which alerts a plug raises, and that its mend ends them."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from scripts.docs import ROOT
from tests.support.courses import Course
from tests.support.drills.prometheus import Alert, Prometheus
from tests.support.service import Service
from tests.support.stream import Stream, eventually

__all__ = ["deliveries", "entry", "pulled", "until_calm", "until_raised"]

RAISED_WITHIN: Final = 60.0
CALM_WITHIN: Final = 60.0
"""Seconds of a calm machine; the leader measures what waits every 15 s, and what is
away is tried again after waits that double."""
_PAUSE: Final = 0.25


def entry(alert: str) -> str:
    """Return what the runbook says of an alert."""
    page = (ROOT / "docs" / "alerts.md").read_text()
    (found,) = re.findall(
        rf"^## {alert}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL
    )
    return str(found)


@dataclass
class _Others:
    """Alerts that nobody expects.

    One that is pending when it is first looked for has to end: else it fires. One that
    is pending later is what a busy machine raises for a moment, as a scrape that is too
    slow does; looking for a moment without any would never end there.
    """

    doubted: frozenset[tuple[object, ...]] | None = None

    def are_over(self, others: Collection[Alert]) -> bool:
        seen = frozenset(alert.episode for alert in others)
        self.doubted = seen if self.doubted is None else self.doubted & seen
        return not self.doubted and not any(alert.is_firing for alert in others)


async def until_raised(
    prometheus: Prometheus, *expected: str, later: str = "", **labels: str
) -> Mapping[str, str]:
    """Wait for alerts; no others may fire beside, nor be about to.

    What a busy machine raises for a moment passes by itself; what misleads does not, as
    long as the plug is out.

    Args:
        prometheus: Whose.
        expected: All of them.
        later: One that the runbook has beside them, after hours.
        labels: What the first of them must be labelled with.

    Returns:
        The labels of the first.
    """
    others = _Others()
    raised: dict[str, Alert] = {}

    def is_meant(alert: Alert) -> bool:
        name = alert.name
        is_first = name == expected[0] and labels.items() <= alert.labels.items()
        return is_first or name in {*expected[1:], later}

    async def is_raised() -> bool:
        alerts = await asyncio.to_thread(prometheus.alerts)
        meant = [alert for alert in alerts if is_meant(alert)]
        raised.clear()
        raised.update({alert.name: alert for alert in meant if alert.is_firing})
        if not raised.keys() >= set(expected):
            return False
        return others.are_over([alert for alert in alerts if not is_meant(alert)])

    try:
        await eventually(is_raised, f"{expected} to fire alone", RAISED_WITHIN)
    except AssertionError as exc:
        raise AssertionError(f"{exc}: {prometheus.alerts()}") from exc
    return raised[expected[0]].labels


async def until_calm(prometheus: Prometheus) -> None:
    """Wait until no alert fires or is about to."""
    others = _Others()

    async def is_calm() -> bool:
        return others.are_over(await asyncio.to_thread(prometheus.alerts))

    try:
        await eventually(is_calm, "all alerts to end", CALM_WITHIN)
    except AssertionError as exc:
        raise AssertionError(f"{exc}: {prometheus.alerts()}") from exc


@asynccontextmanager
async def pulled(
    pull: Callable[[], Awaitable[object]], *, mend: Callable[[], Awaitable[object]]
) -> AsyncIterator[None]:
    """Pull a plug during the block; mend it in the end, whatever was seen.

    Args:
        pull: Pulls it.
        mend: Also runs after a pull that failed on its way.
    """
    try:
        await pull()
        yield
    finally:
        await mend()


@asynccontextmanager
async def deliveries(receiver: Service, course: Course) -> AsyncIterator[Stream]:
    """Have a forge deliver pushes of a course meanwhile."""
    stream = Stream(receiver=receiver, course=course)
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stream.keep_sending(over, pause=_PAUSE))
        try:
            yield stream
        finally:
            over.set()
