"""A build that attacks its service, through the whole of it: from git to its image."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.repos import Repo
from tests.support.service import Service

pytestmark = pytest.mark.timeout(300)

SETUP = """
import os

for name in ("/proc/1/fd/1", f"/proc/{os.getppid()}/fd/1", "/proc/self/fd/1"):
    try:
        fd = os.open(name, os.O_WRONLY)
    except OSError:
        continue
    for _ in range(200):
        os.write(fd, b"B" * 65536)
    os.write(fd, b'\\n{"phase":"FORGED","text":"forged line"}\\n')

from setuptools import setup

setup(name="evil", version="1")
"""
"""Twelve megabytes without a newline, past the build's own pipes; then a real build."""


@pytest.fixture(params=["auto", "none"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    service = Service(
        tmp_path / "data",
        RELAUNCH_EVALUATION_DEBOUNCE="100ms",
        RELAUNCH_LOCAL_ISOLATION=request.param,
    )
    service.start()
    yield service
    service.kill()


def ended(service: Service, launcher: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def has_ended() -> bool:
        environment = service.api("GET", f"/session_launchers/{launcher}")
        builds = service.api(
            "GET", f"/environments/{environment['environment']['id']}/builds"
        )
        found[:] = [
            build for build in builds if build["status"] in {"failed", "succeeded"}
        ]
        return bool(found)

    service.until(has_ended, "the build to end", 200)
    return found[0]


def test_one_long_line_of_a_real_setuptools_build_ends_nothing_but_itself(
    service: Service, tmp_path: Path
) -> None:
    evil = Repo(tmp_path / "evil.git")
    evil.commit({"setup.py": SETUP, "requirements.txt": "-e .\n"})
    before = service.pid
    launcher = service.follow(evil.url, "evil")

    build = ended(service, launcher["id"])

    assert build["status"] == "succeeded" or build["result"] != "unknown", build
    good = Repo(tmp_path / "good.git")
    good.commit({"requirements.txt": ""})
    assert (
        ended(service, service.follow(good.url, "good")["id"])["status"] == "succeeded"
    )
    assert service.pid == before
    assert "FORGED" not in service.said()
    assert "Traceback" not in service.said()
    assert service.stop() == 0
