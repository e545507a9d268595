"""A repository that is made to stop the service stops nothing but its own look."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import children, is_there, memory, name
from tests.support.repos import Repo
from tests.support.service import Service

pytestmark = [
    pytest.mark.timeout(150),
    pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it"),
]

DEEP = ".".join("abcdefghij" * 9)
SPINNING = "".join(f"{DEEP}.k{number} = 1\n" for number in range(5500))
"""A file that takes the parser seconds; three of them take more than a look has."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data", RELAUNCH_EVALUATION_DEBOUNCE="200ms")
    service.start()
    yield service
    service.kill()


def follow(service: Service, folder: Path, **files: str) -> str:
    repo = Repo(folder / f"{len(list(folder.iterdir()))}.git")
    repo.commit({name.replace("_", "."): text for name, text in files.items()})
    source: str = service.follow(repo.url, repo.path.stem)["source_id"]
    return source


def a_bomb(service: Service, folder: Path) -> str:
    project = f"{SPINNING}[project]\nname = 'bomb'\nversion = '1'\n"
    return follow(
        service, folder, pyproject_toml=project, uv_lock=SPINNING, uv_toml=SPINNING
    )


def reasons(service: Service, source: str) -> list[str]:
    return [
        item["reason"] for item in service.api("GET", f"/sources/{source}/evaluations")
    ]


def readers(service: Service) -> list[int]:
    """The fork server and its children."""
    return [child for child in children(service.pid) if "sandbox.server" in name(child)]


def test_others_are_looked_at_meanwhile_and_the_bomb_gets_its_verdict(
    service: Service, tmp_path: Path
) -> None:
    bomb = a_bomb(service, tmp_path)
    service.until(lambda: len(readers(service)) > 1, "the bomb to be read", 30)
    good = follow(service, tmp_path, Pipfile="[packages]\n")
    most = 0

    def is_judged() -> bool:
        nonlocal most
        most = max(most, memory(service.pid))
        return bool(reasons(service, bomb))

    service.until(lambda: bool(reasons(service, good)), "a look at another", 30)
    service.until(is_judged, "a verdict on the bomb", 60)

    assert reasons(service, bomb)[0] == "definition_too_complex"
    assert most < 1024**3


def test_a_busy_service_obeys_and_leaves_nothing_when_it_is_killed(
    service: Service, tmp_path: Path
) -> None:
    a_bomb(service, tmp_path)
    service.until(lambda: len(readers(service)) > 1, "the bomb to be read", 30)
    left = children(service.pid)

    service.kill()
    service.until(lambda: not any(map(is_there, left)), "its children to end", 10)

    service.start()
    a_bomb(service, tmp_path)
    service.until(lambda: len(readers(service)) > 1, "the bomb to be read", 30)
    left = children(service.pid)

    assert service.stop() == 0
    service.until(lambda: not any(map(is_there, left)), "its children to end", 10)
