"""An open-loop load generator, in a process of its own: `python -m bench.load`.

Every request has an intended time, drawn before anything is sent; its latency counts
from there, so a service that makes requests wait cannot hide it. Reads a plan from
standard input and writes a result to standard output, both JSON. Loopback only, and
bounded: in time, in requests, in connections.
"""

import asyncio
import json
import math
import random
import secrets
import sys
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Self, cast

from bench.loop import run
from bench.payloads import Request

__all__ = ["CONNECTIONS", "Plan", "Result", "main", "wire"]

LOOPBACK: Final = "127.0.0.1"
MOST: Final = 2_000_000
LONGEST: Final = 900.0
CONNECTIONS: Final = 64
ACCEPTED: Final = 202
BUSY: Final = 0.002
"""Seconds between looks at the plan while every connection is in use."""
DRAIN: Final = 5.0
"""Seconds that late answers are waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send, how fast and for how long."""

    port: int
    rate: float
    """Requests per second, at random moments as strangers send them."""
    seconds: float
    warm_up: float
    """Seconds at the beginning that do not count."""
    seed: int
    requests: Sequence[Request]
    connections: int = CONNECTIONS
    """Requests that may be under way: at an overload it is a closed loop of so many."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a plan, within the bounds."""
        read = json.loads(text)
        plan = cls(
            **(
                read
                | {"requests": [Request(**request) for request in read["requests"]]}
            )
        )
        if plan.connections > CONNECTIONS:
            raise ValueError("the plan is over the bounds")
        if plan.seconds > LONGEST or plan.rate * plan.seconds > MOST:
            raise ValueError("the plan is over the bounds")
        return plan

    def to_json(self) -> str:
        """Write the plan."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came back, of what was sent after the warm-up."""

    per_second: float
    """Answers, while requests were sent."""
    answered: int
    """Of those that were meant for after the warm-up."""
    served: int
    """In all."""
    refused: Mapping[str, int]
    """By status, whatever is not 202."""
    unanswered: int
    milliseconds: Mapping[str, float]
    """From the intended time to the whole answer: p50, p99, p99.9, max."""


class Connection(asyncio.Protocol):
    """One kept-alive connection; one request at a time."""

    def __init__(self, sender: "Sender") -> None:
        self._sender = sender
        self._transport: asyncio.WriteTransport | None = None
        self._received = b""
        self._intended = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def ask(self, intended: float, request: bytes) -> None:
        """Send a request."""
        assert self._transport is not None
        self._intended = intended
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read an answer, as far as it came."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        if len(body) < length:
            return
        self._received = b""
        self._sender.answered(self, self._intended, status=int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that the peer left."""
        self._sender.lost(self, exc)

    def close(self) -> None:
        """End."""
        assert self._transport is not None
        self._transport.close()


@dataclass(slots=True, kw_only=True)
class Sender:
    """Keeps to the plan."""

    plan: Plan
    clock: asyncio.AbstractEventLoop
    wires: Sequence[tuple[bytes, bytes]]
    idle: deque[Connection] = field(default_factory=deque)
    waiting: deque[float] = field(default_factory=deque)
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    count: int = 0
    served: int = 0
    in_window: int = 0
    is_over: bool = False
    began: float = 0.0
    run_id: int = field(default_factory=lambda: secrets.randbits(32))

    async def run(self) -> Result:
        """Send everything, at its time."""
        for _ in range(self.plan.connections):
            _, connection = await self.clock.create_connection(
                lambda: Connection(self), LOOPBACK, self.plan.port
            )
            self.idle.append(connection)
        self.began = self.clock.time()
        await self._send_all()
        late = await self._drain()
        self.is_over = True
        for connection in self.idle:
            connection.close()
        return self._result(late)

    async def _send_all(self) -> None:
        draw = random.Random(self.plan.seed)  # noqa: S311 - no secret
        end = self.began + self.plan.seconds
        intended = self.began
        while (now := self.clock.time()) < end:
            while intended <= now:
                self.waiting.append(intended)
                intended += draw.expovariate(self.plan.rate)
            self._pump()
            # With nobody idle there is nothing to send: who is answered sends the next.
            pause = max(intended - self.clock.time(), 0.0 if self.idle else BUSY)
            await asyncio.sleep(min(pause, end - now))

    async def _drain(self) -> int:
        """Wait for what is under way; at an overload what waits is given up."""
        until = self.clock.time() + DRAIN
        while self.clock.time() < until and len(self.idle) < self.plan.connections:  # noqa: ASYNC110 - nothing is timed any more
            await asyncio.sleep(0.01)
        return len(self.waiting) + self.plan.connections - len(self.idle)

    def _pump(self) -> None:
        while self.waiting and self.idle:
            self._ask(self.idle.popleft())

    def _ask(self, connection: Connection) -> None:
        before, after = self.wires[self.count % len(self.wires)]
        self.count += 1
        # Never the same twice, or it would be answered as a duplicate.
        name = b"%08x-0000-4000-8000-%012x" % (self.run_id, self.count)
        connection.ask(self.waiting.popleft(), before + name + after)

    def answered(self, connection: Connection, intended: float, status: int) -> None:
        """Note an answer and use the connection again."""
        now = self.clock.time()
        self.served += 1
        since = self.began + self.plan.warm_up
        if since <= now <= self.began + self.plan.seconds:
            self.in_window += 1
        if intended >= since:
            self.latencies.append(now - intended)
            self.statuses[status] += 1
        is_time = now < self.began + self.plan.seconds
        if self.waiting and is_time:
            self._ask(connection)
        else:
            self.idle.append(connection)

    def lost(self, connection: Connection, exc: Exception | None) -> None:
        """Refuse to measure a service that closes connections."""
        del connection
        if not self.is_over:
            raise ConnectionError(f"the service closed a connection: {exc}")

    def _result(self, late: int) -> Result:
        values = sorted(self.latencies)
        window = self.plan.seconds - self.plan.warm_up
        return Result(
            per_second=self.in_window / window,
            answered=len(values),
            served=self.served,
            refused={
                str(number): n
                for number, n in self.statuses.items()
                if number != ACCEPTED
            },
            unanswered=late,
            milliseconds=_milliseconds(values),
        )


def _milliseconds(values: Sequence[float]) -> Mapping[str, float]:
    """Return the shares; none at an overload, when all that counts is still waiting."""
    if not values:
        return dict.fromkeys(SHARES, math.inf)
    last = len(values) - 1
    return {
        name: 1000 * values[min(last, int(len(values) * share))]
        for name, share in SHARES.items()
    }


SHARES: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def wire(request: Request) -> tuple[bytes, bytes]:
    """Return what stands before and after the delivery id."""
    headers = "".join(
        f"{name}: {value}\r\n"
        for name, value in request.headers.items()
        if name != "X-GitHub-Delivery"
    )
    body = request.body.encode()
    head = (
        f"POST {request.path} HTTP/1.1\r\nHost: {LOOPBACK}\r\n{headers}"
        f"Content-Length: {len(body)}\r\nX-GitHub-Delivery: "
    )
    return head.encode(), b"\r\n\r\n" + body


async def _run(plan: Plan) -> Result:
    sender = Sender(
        plan=plan,
        clock=asyncio.get_running_loop(),
        wires=[wire(request) for request in plan.requests],
    )
    return await sender.run()


def main() -> None:
    """Run the plan that is given on standard input."""
    result = run(_run(Plan.from_json(sys.stdin.read())))
    sys.stdout.write(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
