"""A stream of deliveries to receivers that come and go, as a load balancer sends it."""

import threading
import urllib.error
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.courses import Course
from tests.support.service import Service

__all__ = ["DeliveryStream", "delivering"]

PAUSE = 0.02
"""Seconds between two deliveries of a sender."""


@dataclass(kw_only=True)
class DeliveryStream:
    """What forges send, one delivery after the other, and what they are answered."""

    course: Course
    receivers: list[Service]
    """Those that a load balancer knows; the first that listens gets a delivery."""
    accepted: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    """Errors of requests that a receiver had begun to answer, or refused."""
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send until stopped; blocks."""
        while not self._over.wait(PAUSE):
            for receiver in list(self.receivers):
                if self._is_taken(receiver):
                    break

    def stop(self) -> None:
        self._over.set()

    def until_more(self, count: int, seconds: float = 30) -> None:
        """Wait until so many more were accepted; blocks."""
        wanted = len(self.accepted) + count
        self.receivers[0].until(
            lambda: len(self.accepted) >= wanted, f"{count} more deliveries", seconds
        )

    def _is_taken(self, receiver: Service) -> bool:
        """Say whether a receiver has it; one that does not listen is no error."""
        tip = self.course.repo.tip()
        try:
            receipt: dict[str, Any] = receiver.deliver(
                self.course.hook, "refs/heads/main", tip
            )
        except urllib.error.URLError as exc:
            if isinstance(exc.reason, ConnectionRefusedError):
                return False
            self.cut.append(repr(exc))
        except (AssertionError, OSError) as exc:
            self.cut.append(repr(exc))
        else:
            self.accepted.append(receipt["delivery"])
            return True
        return False


@contextmanager
def delivering(
    course: Course, receivers: Sequence[Service], *, senders: int = 1
) -> Iterator[DeliveryStream]:
    """Send during the block, from so many senders at once."""
    stream = DeliveryStream(course=course, receivers=list(receivers))
    threads = [threading.Thread(target=stream.run) for _ in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield stream
    finally:
        stream.stop()
        for thread in threads:
            thread.join()
