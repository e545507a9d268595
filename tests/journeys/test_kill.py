"""The process is killed at any moment, under load; nothing accepted is lost."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.repos import Repo
from tests.support.service import Service
from tests.support.wheels import a_wheel

ROUNDS = 4
COURSES = 3


@dataclass
class Course:
    """A repository, its launcher and its hook, with all that was accepted."""

    name: str
    repo: Repo
    launcher: dict[str, Any]
    hook: dict[str, Any]
    version: int = 1
    accepted: list[str] = field(default_factory=list)
    generations: list[int] = field(default_factory=list)

    def push(self, version: int) -> str:
        self.version = version
        wheel = f"wheels/{self.name}-{version}.0-py3-none-any.whl"
        files = {
            "requirements.txt": f"./{wheel}\n",
            wheel: a_wheel(self.name, f"{version}.0"),
        }
        return self.repo.commit(files, message=f"version {version}")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(
        tmp_path / "data",
        RELAUNCH_LOOK_QUIET="200ms",
        RELAUNCH_BUILD_RETRY_AFTER="100ms",
    )
    service.start()
    yield service
    service.kill()


def a_course(service: Service, folder: Path, name: str) -> Course:
    repo = Repo(folder / f"{name}.git")
    course = Course(name=name, repo=repo, launcher={}, hook={})
    course.push(1)
    course.launcher = service.follow(repo.url, name)
    body = {"repository": repo.url, "forge": "github"}
    course.hook = service.api("POST", "/hooks", body)
    return course


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
    heads = {it.launcher["source_id"]: it.repo.tip() for it in courses}
    looked = {
        source: service.api("GET", f"/sources/{source}/evaluations")[0].get("commit")
        for source in heads
    }
    return (
        looked == heads
        and all(it["status"] != "in_progress" for it in builds)
        and not any(it["outdated"] for it in launchers)
    )


@pytest.mark.index
@pytest.mark.timeout(120)
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
            story = service.api("GET", f"/explanations?of={delivery}")
            assert story["evaluations"], f"{delivery} was never looked at"
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
