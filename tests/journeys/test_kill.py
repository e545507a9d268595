"""The process is killed at any moment, under load; nothing accepted is lost."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.courses import Course, a_course
from tests.support.service import Service

ROUNDS = 4
COURSES = 3


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(
        tmp_path / "data",
        RELAUNCH_EVALUATION_DEBOUNCE="200ms",
        RELAUNCH_BUILD_RETRY_AFTER="100ms",
    )
    service.start()
    yield service
    service.kill()


def deliver(service: Service, course: Course, chance: random.Random) -> None:
    commit = course.push(chance.randint(1, 3))
    receipt = service.deliver(course.hook, "refs/heads/main", commit)
    assert receipt["status"] == "accepted"
    course.accepted.append(receipt["delivery"])


def note_generations(service: Service, courses: list[Course]) -> None:
    for course in courses:
        path = f"/session_launchers/{course.launcher['id']}"
        course.generations.append(service.api("GET", path)["generation"])


def is_calm(service: Service, courses: list[Course]) -> bool:
    """Say whether every launcher starts from what its branch defines now."""
    builds = service.api("GET", "/builds?limit=100")
    launchers = service.api("GET", "/session_launchers")
    heads = {course.launcher["source_id"]: course.repo.tip() for course in courses}
    evaluated = {
        source: service.api("GET", f"/sources/{source}/evaluations") for source in heads
    }
    # A source that was followed a moment ago has no evaluation.
    last = {
        source: found and found[0].get("commit") for source, found in evaluated.items()
    }
    return (
        last == heads
        and all(build["status"] != "in_progress" for build in builds)
        and not any(launcher["outdated"] for launcher in launchers)
    )


@pytest.mark.index
def test_whatever_moment_it_is_killed_at_everything_accepted_comes_to_its_end(
    service: Service, tmp_path: Path
) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - to kill at the same moments again
    chance = random.Random(seed)
    courses = [a_course(service, tmp_path, f"course{i}") for i in range(COURSES)]

    for _ in range(ROUNDS):
        for course in courses:
            deliver(service, course, chance)
        note_generations(service, courses)
        time.sleep(chance.uniform(0.0, 2.0))
        service.kill()
        service.start()
    service.until(lambda: is_calm(service, courses), "everything to be settled", 60)
    note_generations(service, courses)

    for course in courses:
        assert course.generations == sorted(course.generations)
        for delivery in course.accepted:
            explanation = service.api("GET", f"/explanations?of={delivery}")
            assert explanation["evaluations"], f"{delivery} was never looked at"
        assert imported(service, course) == f"{course.version}.0"
    assert not left_behind(service)


def imported(service: Service, course: Course) -> str:
    """Import the course's package inside its launcher's environment."""
    code = f"import {course.name}; print({course.name}.version)"
    command = [sys.executable, "-m", "service.cli", "--url", service.url, "launcher"]
    done = subprocess.run(
        [*command, "run", course.name, "python", "-c", code],
        env=service.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def left_behind(service: Service) -> list[str]:
    """Return command lines of builds that outlived the service they belong to."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(service.data) in line:
            found.append(line)
    return found
