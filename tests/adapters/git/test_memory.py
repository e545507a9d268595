"""What a server sends is unpacked within bounds by git, too."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.git.command import MAX_MEMORY, CommandResult, Git
from service.adapters.git.errors import is_too_large, translate_failure
from service.adapters.git.remote import GitRemote
from service.adapters.git.transport import GitEndpoint
from service.adapters.git.tree import GitTree
from service.domain.repository import BlobId, CommitSha, Repository
from service.domain.source import Revision
from service.errors import PermanentError, TransientError
from tests.support.packs import BLOB, OFS_DELTA, number, offset_of, pack_of, packed

COMMIT = CommitSha("1" * 40)
MAIN = Revision.from_text("main")
_TYPE = "application/x-git-upload-pack"


def lines_of(*lines: bytes) -> bytes:
    return b"".join(b"%04x" % (len(line) + 4) + line for line in lines)


def bomb() -> bytes:
    """Write a kilobyte that is three gigabytes: a delta that copies its base."""
    copy, times = b"\xf0\x40\x42\x0f", 3_000
    base = packed(BLOB, b"x" * 1_000_000)
    delta = number(1_000_000) + number(times * 1_000_000) + copy * times
    return pack_of(base, packed(OFS_DELTA, delta, base=offset_of(len(base))))


PACK = lines_of(b"packfile\n", b"\1" + bomb()) + b"0000"
CAPABILITIES = lines_of(b"version 2\n", b"ls-refs\n", b"fetch=shallow filter\n")


async def handle(request: web.Request) -> web.StreamResponse:
    if request.method == "GET":
        headers = {"Content-Type": f"{_TYPE}-advertisement"}
        return web.Response(body=CAPABILITIES + b"0000", headers=headers)
    headers = {"Content-Type": f"{_TYPE}-result"}
    if b"command=fetch" in await request.read():
        return web.Response(body=PACK, headers=headers)
    answer = web.StreamResponse(headers=headers)
    await answer.prepare(request)
    name = (
        b"x" * 60_000
    )  # long, so that the test need not send a gigabyte of short ones
    refs = lines_of(*[b"1" * 40 + b" refs/heads/main/" + name] * 100)
    for _ in range(2 * MAX_MEMORY // len(refs)):
        await answer.write(refs)
    return answer


@pytest.fixture
async def repository() -> AsyncIterator[Repository]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        yield Repository.from_url(f"{server.make_url('/owner/name')}")


async def test_a_kilobyte_that_unpacks_to_gigabytes_is_given_up_for_good(
    repository: Repository,
) -> None:
    assert len(PACK) < 2_000

    with pytest.raises(PermanentError, match="too large"):
        async with GitRemote(environment={}).tree(repository, COMMIT):
            pytest.fail("it is larger than that")


async def test_refs_without_an_end_are_given_up_for_good(
    repository: Repository,
) -> None:
    with pytest.raises(PermanentError, match="too large"):
        await GitRemote(environment={}).head(repository, MAIN)


async def test_a_command_and_its_children_have_the_limit_from_their_first_moment() -> (
    None
):
    git = Git(environment={}, protocols=(), deadline=timedelta(seconds=20), at_once=1)
    shown = "!grep 'data size' /proc/self/limits; ulimit -d"

    result = await git.run("-c", f"alias.limits={shown}", "limits")

    soft, hard, _ = result.out.split()[3:6]
    assert int(soft) == int(hard) == MAX_MEMORY
    assert int(result.out.split()[-1]) == MAX_MEMORY // 1024


class GitThatSays(Git):
    """Answers each command with an error."""

    def __init__(self, error: str) -> None:
        super().__init__(
            environment={}, protocols=(), deadline=timedelta(seconds=1), at_once=1
        )
        self._error = error

    async def run(self, *_: str, **__: object) -> CommandResult:
        return CommandResult(code=128, out=b"", err=self._error)


@pytest.mark.parametrize(
    "error",
    [
        "error: cannot fork to run fetch-pack: Cannot allocate memory",
        "fatal: mmap failed: Cannot allocate memory",
        "fatal: Out of memory? mmap failed: Cannot allocate memory",
        "error: cannot fork() for git-remote-https: Resource temporarily unavailable",
        "fatal: unable to create thread: Cannot allocate memory",
    ],
)
async def test_memory_that_is_short_for_a_moment_is_tried_again(
    tmp_path: Path, error: str
) -> None:
    tree = GitTree(
        git=GitThatSays(error),
        folder=tmp_path,
        endpoint=GitEndpoint(url="https://forge.test/owner/name"),
        commit=COMMIT,
        max_download=1,
    )

    with pytest.raises(TransientError, match=r"emory|temporarily"):
        await tree.read(BlobId("1" * 40), limit=1)
    with pytest.raises(TransientError):
        await tree.fetch()


@pytest.mark.parametrize(
    "error",
    [
        "fatal: Out of memory, malloc failed (tried to allocate 3000000001 bytes)",
        "fatal: Out of memory, realloc failed",
        "fatal: inflate: out of memory",
        "fatal: cannot allocate 3000000001 bytes",
    ],
)
def test_an_object_that_needs_too_much_memory_is_too_large(error: str) -> None:
    result = CommandResult(code=128, out=b"", err=error)

    assert is_too_large(result)
    assert isinstance(translate_failure(result, "read it"), PermanentError)
