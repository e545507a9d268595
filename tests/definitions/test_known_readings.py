"""A definition that stayed is found without a process; whatever changed is read."""

import tracemalloc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from service.adapters.git.worktree import Folder
from service.definitions.known_readings import KnownReadings
from service.definitions.queries import Answer, Entries, Question
from service.domain.definition import Definition
from service.domain.evaluation.comparison import Observed, Verdict
from service.ports.sandbox import Conversation, Task
from service.usecases.observe import read_tree
from tests.support.following import Follower
from tests.support.repos import Link, Repo
from tests.support.sandbox import SANDBOX

PROJECT = """\
[project]
name = "course"
version = "1"
[build-system]
requires = ["setuptools"]
"""
FILES: Mapping[str, str | Link] = {
    "README.md": "A course\n",
    "app/requirements.txt": "-r ../shared/list.txt\n-e ../library\nnumpy\n",
    "app/notebook.ipynb": "{}",
    "shared/list.txt": Link("../lists/first.txt"),
    "shared/other.txt": "not included\n",
    "lists/first.txt": "six\n",
    "lists/second.txt": "six==1.17.0\n",
    "library/pyproject.toml": PROJECT,
    "library/course/__init__.py": "",
    "library/course/deep/model.py": "x = 1\n",
    "library/.github/workflows/test.yml": "on: push\n",
}


class CountedSandbox:
    """The sandbox of every test; it counts."""

    def __init__(self) -> None:
        self.tools = SANDBOX.tools
        self.tasks = 0

    @asynccontextmanager
    async def begin(self, task: Task) -> AsyncIterator[Conversation]:
        self.tasks += 1
        async with SANDBOX.begin(task) as conversation:
            yield conversation


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.commit(FILES)
    return repo


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"README.md": "Another\n"}, id="a file beside it"),
        pytest.param({"app/notebook.ipynb": "[]"}, id="a file in its directory"),
        pytest.param({"app/new/data.csv": "1\n"}, id="a directory in its directory"),
        pytest.param({"shared/other.txt": "x\n"}, id="a file beside an include"),
        pytest.param({"lists/third.txt": "x\n"}, id="a file beside a link's target"),
        pytest.param(
            {"library/.github/workflows/test.yml": "on: [push]\n"},
            id="a directory that is set aside",
        ),
    ],
)
async def test_what_touches_no_file_of_it_is_not_read_again(
    repo: Repo, change: Mapping[str, str]
) -> None:
    sandbox = CountedSandbox()
    follower = replace(Follower.of(repo, context_dir="app"), sandbox=sandbox)
    await follower.look()
    first = follower.observed
    repo.commit(change)

    verdict = (await follower.look()).verdict

    assert verdict is Verdict.UNCHANGED
    assert sandbox.tasks == 1
    assert isinstance(first, Observed)
    assert isinstance(follower.observed, Observed)
    assert follower.observed.found == first.found
    assert follower.observed.head != first.head


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        pytest.param(
            {"app/requirements.txt": "numpy\n"}, Verdict.CHANGED, id="the definition"
        ),
        pytest.param({"lists/first.txt": "six>1\n"}, Verdict.CHANGED, id="an include"),
        pytest.param({"lists/first.txt": None}, Verdict.CHANGED, id="one less"),
        pytest.param(
            {"shared/list.txt": Link("../lists/second.txt")},
            Verdict.CHANGED,
            id="where a link leads",
        ),
        pytest.param(
            {"app/Pipfile": "[packages]\nsix = '*'\n"},
            Verdict.CHANGED,
            id="a file of higher precedence",
        ),
        pytest.param(
            {"library/course/deep/model.py": "x = 2\n"},
            Verdict.CHANGED,
            id="installed code, far below",
        ),
        pytest.param(
            {"library/course/more/new.py": "x = 1\n"},
            Verdict.CHANGED,
            id="more installed code",
        ),
        pytest.param(
            {"library/pyproject.toml": PROJECT.replace("setuptools", "hatchling")},
            Verdict.CHANGED,
            id="how it is installed",
        ),
        pytest.param({".gitattributes": "* -text\n"}, Verdict.CHANGED, id="above it"),
        pytest.param(
            {"lists/first.txt": "# why\nsix\n"}, Verdict.COSMETIC, id="a comment"
        ),
        pytest.param(
            {"lists": "a file\n", "lists/first.txt": None, "lists/second.txt": None},
            Verdict.CHANGED,
            id="a directory that became a file",
        ),
    ],
)
async def test_whatever_touches_it_is_read(
    repo: Repo, change: Mapping[str, str | Link | None], verdict: Verdict
) -> None:
    sandbox = CountedSandbox()
    follower = replace(Follower.of(repo, context_dir="app"), sandbox=sandbox)
    await follower.look()
    repo.commit(change)

    assert (await follower.look()).verdict is verdict
    assert sandbox.tasks == 2


async def test_what_was_read_of_one_fork_is_known_of_the_others(
    repo: Repo, tmp_path: Path
) -> None:
    sandbox, readings = CountedSandbox(), KnownReadings()
    first = replace(
        Follower.of(repo, context_dir="app"), sandbox=sandbox, readings=readings
    )
    await first.look()
    fork = Repo(tmp_path / "fork")
    fork.commit(FILES)
    follower = Follower.of(fork, context_dir="app")
    await follower.look()
    fork.commit({"README.md": "Mine\n"})

    other = replace(follower, sandbox=sandbox, readings=readings)

    assert (await other.look()).verdict is Verdict.UNCHANGED
    assert sandbox.tasks == 1


async def test_only_so_much_is_remembered(repo: Repo) -> None:
    follower = Follower.of(repo, context_dir="app")
    await follower.look()
    sandbox = CountedSandbox()
    small = replace(follower, sandbox=sandbox, readings=KnownReadings(limit=100))

    for number in range(2):
        repo.commit({"README.md": f"{number}\n"})
        assert (await small.look()).verdict is Verdict.UNCHANGED

    assert sandbox.tasks == 2


async def test_what_is_remembered_takes_no_more_memory_than_it_may(
    tmp_path: Path,
) -> None:
    (tmp_path / "requirements.txt").write_text("six\n")
    found = await read_tree(Folder(tmp_path), "", sandbox=SANDBOX)
    assert isinstance(found, Definition)
    limit = 1 << 20
    readings = KnownReadings(limit=limit)
    asked: dict[Question, Answer]
    tracemalloc.start()
    try:
        for number in range(100):
            # Short paths, each an object of its own, as they come from a child.
            names = (f"{number}/{name}" for name in range(1000))
            asked = {Entries(paths=frozenset([name])): None for name in names}
            readings.keep(b"%d" % number, asked, found, b"")
        asked = {}
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert limit / 8 < held < limit
