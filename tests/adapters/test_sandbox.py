"""The sandbox: what is read there costs nobody else anything, whatever it is."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from service.adapters.git.worktree import Folder
from service.adapters.sandbox.client import ForkingSandbox
from service.definitions.messages import begin, read, write_answer
from service.definitions.queries import Content, Entries
from service.domain.definition import (
    FILE,
    TOO_COMPLEX,
    UNREAD,
    Definition,
    Entry,
    NoDefinition,
)
from service.domain.repository import BlobId
from service.errors import TransientError
from service.forges.child_parser import question
from service.ports.sandbox import (
    ReaderFaultError,
    Task,
    TooCostlyError,
    WorkBudget,
)
from service.usecases.observe import read_tree
from tests.support.deliveries import a_hook, a_post
from tests.support.patience import Patience
from tests.support.processes import children, is_there

LITTLE_TIME = WorkBudget(cpu=1, memory=4 << 30)
LITTLE_MEMORY = WorkBudget(cpu=60, memory=20 << 20)

FLOOD = b"[" + b"[]," * 8_000_000 + b"0]"
"""A body that takes seconds and most of a gigabyte."""


@pytest.fixture
def sandbox() -> Iterator[ForkingSandbox]:
    with ForkingSandbox() as opened:
        yield opened


def limited(budget: WorkBudget) -> ForkingSandbox:
    return ForkingSandbox(budgets=dict.fromkeys(Task, budget))


def folder(tmp_path: Path, **files: str) -> Folder:
    for name, content in files.items():
        (tmp_path / name.replace("_", ".")).write_text(content)
    return Folder(tmp_path)


def wait_until(holds: Callable[[], bool]) -> None:
    patience = Patience(20)
    while not holds():
        assert not patience.is_over()
        time.sleep(0.02)


async def test_a_definition_is_read_as_it_is_read_here(
    tmp_path: Path, sandbox: ForkingSandbox
) -> None:
    tree = folder(tmp_path, requirements_txt="six\n-r more.txt\n", more_txt="numpy\n")

    found = await read_tree(tree, "", sandbox=sandbox)

    assert isinstance(found, Definition)
    assert found.declared == ("numpy", "six")


async def test_paths_that_are_no_utf_8_go_through(sandbox: ForkingSandbox) -> None:
    async with sandbox.begin(Task.DEFINITION) as talk:
        said = read(await talk.ask(begin("caf\udce9")))
        assert isinstance(said, Entries)
        assert "caf\udce9/requirements.txt" in said.paths
        entry = Entry(mode=FILE, oid=BlobId("1" * 40))
        there = write_answer({"caf\udce9/requirements.txt": entry})
        while isinstance(said, Entries):
            said = read(await talk.ask(there))

    assert isinstance(said, Content)
    assert said.path == "caf\udce9/requirements.txt"


async def test_a_directory_outside_the_repository_needs_no_question(
    tmp_path: Path, sandbox: ForkingSandbox
) -> None:
    found = await read_tree(Folder(tmp_path), "../..", sandbox=sandbox)

    assert isinstance(found, NoDefinition)


DEEP = ".".join("abcdefghij" * 9) + ".k{} = 1\n"
SLOW = "".join(DEEP.format(number) for number in range(5500))
"""A megabyte of dotted keys, of which the parser looks at every part many times."""
LARGE = '{"a":[' + '{"":[]},' * 125_000 + "0]}"
"""A megabyte of objects, which take a hundred times as much."""


@pytest.mark.parametrize(
    ("budget", "name", "content", "limit"),
    [
        (LITTLE_TIME, "uv.lock", SLOW, "1 s of processor time"),
        (LITTLE_MEMORY, "Pipfile.lock", LARGE, "20 MiB of memory"),
    ],
)
async def test_what_exceeds_the_budget_is_found_too_complex(
    tmp_path: Path, budget: WorkBudget, name: str, content: str, limit: str
) -> None:
    files = {"uv.lock": "pyproject.toml", "Pipfile.lock": "Pipfile"}
    tree = folder(tmp_path, **{name: content, files[name]: "[project]\nname='a'\n"})

    with limited(budget) as sandbox:
        found = await read_tree(tree, "", sandbox=sandbox)

    assert isinstance(found, NoDefinition)
    assert found.reason == TOO_COMPLEX
    assert f"{name} is too complex" in found.message
    assert limit in found.message
    assert [finding.path for finding in found.findings] == [name]


async def test_others_go_on_meanwhile(tmp_path: Path) -> None:
    good = folder(tmp_path, requirements_txt="six\n")

    with limited(LITTLE_TIME) as sandbox:
        async with sandbox.begin(Task.DELIVERY) as talk, asyncio.TaskGroup() as group:
            bad = group.create_task(_outcome(talk.ask(_delivery(FLOOD))))
            found = [await read_tree(good, "", sandbox=sandbox) for _ in range(3)]
            assert not bad.done()

    assert isinstance(bad.result(), TooCostlyError)
    assert all(isinstance(item, Definition) for item in found)


async def _outcome(asked: object) -> object:
    try:
        return await asked  # type: ignore[misc]
    except (TooCostlyError, TransientError) as exc:
        return exc


def _delivery(body: bytes) -> bytes:
    hook = a_hook()
    return question(hook, a_post(hook, body, event="push").arrived())


async def test_a_bug_is_told_by_its_place_and_not_by_what_was_read(
    sandbox: ForkingSandbox,
) -> None:
    async with sandbox.begin(Task.DELIVERY) as talk:
        with pytest.raises(
            ReaderFaultError, match=r"DecodeError at .*child_parser\.py"
        ) as told:
            await talk.ask(b"no question at all: secret")

    assert "secret" not in str(told.value)


class OddFolder(Folder):
    """A tree that answers with no content, over which the parser fails."""

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        del oid, limit
        return {}  # type: ignore[return-value]


async def test_a_definition_that_a_parser_fails_over_gets_a_verdict(
    tmp_path: Path, sandbox: ForkingSandbox
) -> None:
    folder(tmp_path, requirements_txt="six\n")

    found = await read_tree(OddFolder(tmp_path), "", sandbox=sandbox)

    assert isinstance(found, NoDefinition)
    assert found.reason == UNREAD
    assert "requirements.txt brings out a fault of this service" in found.message
    assert [finding.path for finding in found.findings] == ["requirements.txt"]


async def test_a_parser_that_aborts_would_again(sandbox: ForkingSandbox) -> None:
    before = set(children(os.getpid()))
    async with sandbox.begin(Task.DEFINITION) as talk:
        await talk.ask(begin(""))
        [_, child] = [
            number for number in children(os.getpid()) if number not in before
        ]
        # A library's panic is printed there, and may quote what was read.
        printed = await asyncio.to_thread(Path(f"/proc/{child}/fd/2").readlink)
        os.kill(child, signal.SIGABRT)
        with pytest.raises(ReaderFaultError, match="SIGABRT"):
            await talk.ask(write_answer({}))

    assert printed == Path(os.devnull)


async def test_a_killed_server_is_a_trouble_that_passes(
    tmp_path: Path, sandbox: ForkingSandbox
) -> None:
    tree = folder(tmp_path, requirements_txt="six\n")
    before = set(children(os.getpid()))
    async with sandbox.begin(Task.DEFINITION):
        [server, *_] = [child for child in children(os.getpid()) if child not in before]

    async with sandbox.begin(Task.DEFINITION) as talk:
        os.kill(server, signal.SIGKILL)
        with pytest.raises(TransientError):
            await talk.ask(begin(""))

    assert isinstance(await read_tree(tree, "", sandbox=sandbox), Definition)


async def test_a_killed_child_is_a_trouble_that_passes(
    sandbox: ForkingSandbox,
) -> None:
    before = set(children(os.getpid()))
    async with sandbox.begin(Task.DEFINITION) as talk:
        await talk.ask(begin(""))
        [_, child] = [
            number for number in children(os.getpid()) if number not in before
        ]
        os.kill(child, signal.SIGKILL)
        with pytest.raises(TransientError):
            await talk.ask(write_answer({}))


async def test_the_next_child_is_ready_before_its_task_comes(
    sandbox: ForkingSandbox,
) -> None:
    known, ready = await _one_ready(sandbox)

    second = await _child_of_a_task(sandbox, known)

    # Each has one task and ends: what it read is not there when the next comes.
    assert second == ready
    await asyncio.to_thread(wait_until, lambda: not is_there(ready))


async def test_a_ready_child_that_was_killed_is_replaced(
    sandbox: ForkingSandbox,
) -> None:
    known, ready = await _one_ready(sandbox)

    os.kill(ready, signal.SIGKILL)
    await asyncio.to_thread(wait_until, lambda: not is_there(ready))

    assert await _child_of_a_task(sandbox, known) != ready


async def test_a_conversation_that_outlives_its_sandbox_leaves_nothing(
    sandbox: ForkingSandbox,
) -> None:
    before = children(os.getpid())
    async with sandbox.begin(Task.DEFINITION) as talk:
        await talk.ask(begin(""))
        sandbox.close()

    await asyncio.to_thread(wait_until, lambda: not _since(before))


def _since(before: Sequence[int]) -> list[int]:
    return [number for number in children(os.getpid()) if number not in before]


async def _one_ready(sandbox: ForkingSandbox) -> tuple[list[int], int]:
    """Do a task; return the processes until then, and the one that is ready now."""
    before = children(os.getpid())
    known = [*before, await _child_of_a_task(sandbox, before)]
    await asyncio.to_thread(wait_until, lambda: len(_since(known)) == 2)
    [_, ready] = _since(known)
    return known, ready


async def _child_of_a_task(sandbox: ForkingSandbox, before: Sequence[int]) -> int:
    """Return the process of one task, which was not there before."""
    async with sandbox.begin(Task.DEFINITION) as talk:
        await talk.ask(begin(""))
        [_, child] = _since(before)
    return child


SPINNING = """
import asyncio, sys
from service.adapters.sandbox.client import ForkingSandbox
from service.ports.sandbox import Task, WorkBudget

async def main():
    sandbox = ForkingSandbox(
        budgets=dict.fromkeys(Task, WorkBudget(cpu=600, memory=1 << 32))
    )
    async with sandbox.begin(Task.DELIVERY) as talk:
        print("begun", flush=True)
        await talk.ask(sys.stdin.buffer.read())

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
def test_children_end_with_a_service_that_is_killed() -> None:
    """`kill -9` while a child is busy leaves neither it nor the fork server."""
    with subprocess.Popen(
        [sys.executable, "-c", SPINNING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as service:
        assert service.stdin
        assert service.stdout
        assert service.stdout.readline() == b"begun\n"
        service.stdin.write(_delivery(FLOOD))
        service.stdin.close()
        wait_until(lambda: len(children(service.pid)) == 2)
        left = children(service.pid)

        service.kill()

    wait_until(lambda: not any(map(is_there, left)))
