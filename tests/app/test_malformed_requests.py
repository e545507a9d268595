"""Requests that are no HTTP: nothing of them is repeated, in answers or in the log.

A real process; raw sockets; a token in every place that a token can be in.
"""

import random
import re
import socket
from collections.abc import Iterator

import pytest

from tests.support.service import Service

CANARY = "c4n4ryT0ken"
TOKEN = f"Bearer {CANARY}"
HOOK = "/webhooks/github/01J00000000000000000000000"
CHUNKED = (
    f"POST {HOOK} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, Service]]:
    """Keep what a test started for those that come, in whatever order."""
    started: dict[str, Service] = {}
    yield started
    assert [service.stop() for service in started.values()] == [0] * len(started)


@pytest.fixture(params=["text", "json"])
def service(
    request: pytest.FixtureRequest,
    services: dict[str, Service],
    tmp_path_factory: pytest.TempPathFactory,
) -> Service:
    format_: str = request.param
    if format_ not in services:
        service = Service(
            tmp_path_factory.mktemp("malformed") / "data",
            RELAUNCH_LOG_LEVEL="debug",
            RELAUNCH_LOG_FORMAT=format_,
        )
        services[format_] = service
        service.start()
    return services[format_]


def said_to(service: Service, raw: bytes, *, patience: float = 5) -> bytes:
    """Send bytes and return everything that is answered until the end.

    Of a request that is not whole there is no end: then for as long as patience lasts.
    """
    host, _, port = service.url.removeprefix("http://").partition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=patience) as connection:
        try:
            connection.sendall(raw)
            while more := connection.recv(65536):
                answer += more
        except (ConnectionError, TimeoutError):
            pass
    return answer


def statuses(answer: bytes) -> list[int]:
    found = re.findall(rb"^HTTP/\d\.\d (\d{3})", answer, re.MULTILINE)
    return [int(item) for item in found]


def get(headers: str, *, line: str = "GET /api/relaunch/builds HTTP/1.1") -> bytes:
    return f"{line}\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n".encode(
        "latin-1"
    )


MALFORMED = {
    "a token with a NUL": get(f"Authorization: {TOKEN}\0x"),
    "a token with a line feed": get(f"Authorization: Bearer\n{CANARY}"),
    "a folded token": get(f"Authorization: Bearer\r\n {CANARY}"),
    "a header without a colon": get(f"{CANARY}"),
    "a header with a space in its name": get(f"X {CANARY}: 1"),
    "a header name that is no token": get(f"(x){CANARY}: 1"),
    "an over-long header": get(f"Authorization: {CANARY}" + "x" * 20_000),
    "an over-long name": get(f"{CANARY}" + "x" * 20_000 + ": 1"),
    "too many headers": get("\r\n".join(f"x{i}: {CANARY}" for i in range(2000))),
    "a bad length": get(f"Content-Length: {CANARY}"),
    "a negative length": get(f"Content-Length: -1\r\nX: {CANARY}"),
    "two lengths": get(f"Content-Length: 1\r\nContent-Length: 2\r\nX: {CANARY}"),
    "length and chunks": get(
        f"Content-Length: 1\r\nTransfer-Encoding: chunked\r\nX: {CANARY}"
    ),
    "an unknown encoding": get(f"Transfer-Encoding: {CANARY}"),
    "a bad method": get("", line=f"{CANARY}( /x HTTP/1.1"),
    "an unknown method": get("", line=f"{CANARY} /x HTTP/1.1"),
    "a bad version": get("", line=f"GET /x HTTP/{CANARY}"),
    "no version": get("", line=f"GET /{CANARY}"),
    "a bad target": get("", line=f"GET http://[{CANARY}/ HTTP/1.1"),
    "bad percent-encoding": get("", line=f"GET /%zz{CANARY}%00%ff HTTP/1.1"),
    "an unknown path": get("", line=f"GET /{CANARY}%0Aforged HTTP/1.1"),
    "a hook that is none": get("", line=f"POST /webhooks/github/{CANARY} HTTP/1.1"),
    "a wrong token": get(f"Authorization: {TOKEN}"),
    "a wrong token and a path": get(
        f"Authorization: {TOKEN}",
        line=f"GET /api/relaunch/builds/{CANARY}?x={CANARY} HTTP/1.1",
    ),
    "a wrong scheme": get(f"Authorization: {CANARY} x"),
    "an expectation": get(f"Expect: {CANARY}"),
    "a content encoding": get(
        f"Content-Encoding: {CANARY}", line=f"POST {HOOK} HTTP/1.1"
    ),
    "a bad chunk": f"{CHUNKED}{CANARY}\r\n".encode(),
    "a bad chunk later": f"{CHUNKED}1\r\nx\r\n{CANARY}\r\n".encode(),
    "a chunk without its end": f"{CHUNKED}1\r\nx{CANARY}\r\n".encode(),
    "a bad trailer": f"{CHUNKED}0\r\n{CANARY}\0\r\n\r\n".encode(),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + CANARY.encode(),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00" + CANARY.encode(),
    "nothing that anybody knows": b"\0\xff" * 100 + CANARY.encode() + b"\r\n\r\n",
    "a websocket": get(f"Upgrade: {CANARY}\r\nConnection: Upgrade"),
    "a second request": get("") + get(f"Authorization: {TOKEN}\0"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_nothing_of_a_malformed_request_is_repeated(
    service: Service, name: str
) -> None:
    before = len(service.said())

    answer = said_to(service, MALFORMED[name])

    seen = statuses(answer)
    assert CANARY.encode() not in answer
    assert seen, "no answer at all"
    assert all(400 <= number < 500 for number in seen), answer[:500]
    said_to(service, get(""))  # what was to be logged is logged
    told = service.said()[before:]
    assert CANARY not in told
    assert "Traceback" not in told


def test_an_unreadable_request_costs_one_line_that_says_what_is_wrong(
    service: Service,
) -> None:
    before = len(service.said())

    answer = said_to(service, MALFORMED["a token with a NUL"])

    told = service.said()[before:].splitlines()
    assert statuses(answer) == [400]
    assert b'"code": 1400' in answer
    assert len([text for text in told if "request not readable" in text]) == 1
    assert len(told) == 1


def test_no_random_request_is_repeated_or_makes_an_error_of_ours(
    service: Service,
) -> None:
    """Cut, doubled, turned and spoiled: whatever becomes of requests on the way."""
    drawn, before = random.Random(7), len(service.said())
    whole = list(MALFORMED.values())
    for _ in range(300):
        raw = bytearray(drawn.choice(whole)[:4000])
        for _ in range(drawn.randrange(1, 6)):
            place = drawn.randrange(len(raw))
            if raw[place : place + len(CANARY)] and drawn.random() < 0.5:
                raw[place:place] = drawn.choice(
                    [
                        b"\0",
                        b"\r",
                        b"\n",
                        b"\r\n",
                        b"%",
                        b"\xff",
                        b":",
                        b" ",
                        b"\t",
                        b"\x1b",
                    ]
                )
            else:
                raw[place] = drawn.randrange(256)

        answer = said_to(service, bytes(raw), patience=0.05)

        assert CANARY.encode() not in answer, bytes(raw)
        assert all(status < 500 for status in statuses(answer)), (bytes(raw), answer)
    said_to(service, get(""))
    told = service.said()[before:]
    assert CANARY not in told
    assert "Traceback" not in told
