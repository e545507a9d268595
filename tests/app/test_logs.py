"""Whoever logs: no credential is written, and no stranger begins a line."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
import structlog

from service.logs import configure
from service.settings import LogSettings

OWN = "a-token-of-this-process"
CANARY = "c4n4ry"
LONG = CANARY + "x" * 30

Written = Callable[[], str]


@pytest.fixture(params=["text", "json"])
def written(request: pytest.FixtureRequest) -> Iterator[Written]:
    """Have everything logged in a format, and return what was written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    before, out = structlog.get_config(), io.StringIO()
    kind: Literal["text", "json"] = request.param
    configure(LogSettings(format=kind), stream=out, secrets=[OWN, "the"])
    yield out.getvalue
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.configure(**before)


SECRETS = [
    f"ghp_{LONG}",
    f"github_pat_{LONG}",
    f"glpat-{LONG}",
    f"gloas-{LONG}",
    f"glptt-{LONG}",
    f"whsec_{LONG}",
    f"pypi-{LONG}",
    f"https://me:{CANARY}@host/x",
    f"amqp://me:p@{CANARY}@host:5672/",
    f"https://host/x?private_token={CANARY}",
    f"Authorization: Bearer {CANARY}",
    f"authorization: {CANARY}",
    f"{{'Authorization': 'Basic {LONG}'}}",
    f"(b'Authorization', b'Bearer {CANARY}\\x00')",
    f"X-Gitlab-Token: {CANARY}",
    f"X-Hub-Signature-256: sha256={CANARY}",
    f"Cookie: session={CANARY}",
    f"eyJhbGciOiJIUzI1NiJ9.{LONG}.{LONG}",
]
LIBRARIES = [
    "aiohttp.server",
    "sqlalchemy",
    "gitlab",
    "kubernetes_asyncio",
    "py.warnings",
]


def raised(message: str) -> ValueError:
    """Return an error that has a traceback."""
    try:
        int(message)
    except ValueError:
        return ValueError(message).with_traceback(sys.exc_info()[2])
    raise AssertionError(message)


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_credential_is_masked(written: Written, secret: str) -> None:
    ours = structlog.get_logger("ours")
    ours.info(
        "event", seen=secret, nested={"a": [secret], secret: 1}, raw=OSError(secret)
    )
    ours.warning(f"in the event {secret}")

    assert written()
    assert CANARY not in written()


@pytest.mark.parametrize("secret", [SECRETS[0], SECRETS[7], SECRETS[10], OWN])
@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_are_masked_too(written: Written, library: str, secret: str) -> None:
    logger = logging.getLogger(library)
    logger.warning("trouble with %s", secret)
    logger.error("trouble", exc_info=raised(secret))
    structlog.get_logger().error("ours", exc_info=raised(secret))

    assert "ValueError" in written()
    assert CANARY not in written()
    assert OWN not in written()


def test_secrets_of_the_process_are_masked_wherever_they_stand(
    written: Written,
) -> None:
    structlog.get_logger().info("event", seen=f"--{OWN}--", word="the")

    assert OWN not in written()
    assert "the" in written()


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028"])
def test_no_value_begins_a_line_of_its_own(written: Written, ending: str) -> None:
    forged = f"x{ending}2026-01-01 [info     ] all is well\x1b[2J\x00\u202e"
    structlog.get_logger().info("event", seen=forged, nested={"a": [forged]})
    logging.getLogger("aiohttp.server").warning("trouble %s", forged)
    structlog.get_logger().error("event", exc_info=raised(forged))

    lines = written().splitlines()
    assert not [line for line in lines if line.startswith("2026-01-01")]
    assert not set("\x1b\x00\u202e\x85\u2028\x0b\r") & set(written())


def test_lines_of_json_are_json(written: Written) -> None:
    structlog.get_logger().info("event", number=7, flag=True, nothing=None)
    said = written()
    if said.startswith("{"):
        told = json.loads(said)
        assert (told["number"], told["flag"], told["nothing"]) == (7, True, None)
