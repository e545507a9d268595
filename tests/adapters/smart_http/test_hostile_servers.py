"""Servers whose answers are made to hurt, or are none: a clear error, within bounds.

What is read here is left out at its limit; git's command line, which comes after it,
has limits of its own (`tests/adapters/git/test_remote.py`).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.smart_http.client import MAX_REFS, MAX_TREES, TREE_LIMITS
from service.adapters.smart_http.pkt_lines import MAX_LINES
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import Remote
from tests.support.apis import WatchedGit
from tests.support.clock import TurnedClock
from tests.support.packs import BLOB, COMMIT, TREE, oid_of, pack_of, packed
from tests.support.smart import smart_remote

MAIN = Revision.from_text("main")
REF = b"refs/heads/main"
OID = b"1" * 40
_TYPE = "application/x-git-upload-pack"
CAPABILITIES = (b"version 2\n", b"ls-refs\n", b"fetch=shallow filter\n")


def lines_of(*lines: bytes) -> bytes:
    return b"".join(b"%04x" % (len(line) + 4) + line for line in lines)


def as_answer(pack: bytes) -> bytes:
    step = 60_000
    chunks = [pack[start : start + step] for start in range(0, len(pack), step)]
    return lines_of(b"packfile\n", *(b"\1" + chunk for chunk in chunks)) + b"0000"


@dataclass
class Server:
    """Answers whatever it is told to."""

    advertisement: bytes = lines_of(*CAPABILITIES) + b"0000"
    answer: bytes = b"0000"
    status: int = 200
    types: Mapping[str, str] = field(
        default_factory=lambda: {
            "GET": f"{_TYPE}-advertisement",
            "POST": f"{_TYPE}-result",
        }
    )
    seen: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def repository(self) -> Repository:
        return Repository.from_url(f"{self.url}/owner/name")

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append(f"{request.method} {request.headers['User-Agent']}")
        is_get = request.method == "GET"
        return web.Response(
            status=200 if is_get else self.status,
            body=self.advertisement if is_get else self.answer,
            headers={"Content-Type": self.types[request.method]},
        )


@dataclass
class Place:
    """A hostile server, and what reads it."""

    server: Server
    remote: Remote
    git: WatchedGit
    clock: TurnedClock

    async def head(self) -> Head | RefMissing:
        return await self.remote.head(self.server.repository, MAIN)

    async def open(self, commit: bytes = OID) -> None:
        name = CommitSha(commit.decode())
        async with self.remote.tree(self.server.repository, name) as tree:
            await tree.entries(["a"])


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    server, git, clock = Server(), WatchedGit(), TurnedClock()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    deadline = timedelta(seconds=20)
    async with (
        TestServer(app, shutdown_timeout=0.1) as running,
        smart_remote(git=git, clock=clock, deadline=deadline) as remote,
    ):
        server.url = str(running.make_url("/")).rstrip("/")
        yield Place(server, remote, git, clock)


REFS: Mapping[str, bytes] = {
    "a flood of refs": lines_of(*[OID + b" " + REF] * (MAX_REFS // 60)),
    "a flood of tiny lines": lines_of(*[b"x"] * (MAX_LINES + 1)),
    "a flood of empty lines": b"0004" * (MAX_LINES + 1),
    "a flood of ends": b"0001" * (MAX_LINES + 1),
    "no end": lines_of(OID + b" " + REF),
    "a cut line": b"ffff" + OID,
    "a length that is none": b"-001" + OID,
    "a length too short": b"0003",
    "a page": b"<html>" * 100,
    "an id that is none": lines_of(b"z" * 40 + b" " + REF) + b"0000",
    "a longer id": lines_of(b"1" * 64 + b" " + REF) + b"0000",
    "a ref without an id": lines_of(REF) + b"0000",
    "an error": lines_of(b"ERR go away\n"),
}


@pytest.mark.parametrize("name", REFS)
async def test_refs_that_are_none_are_left_to_git(place: Place, name: str) -> None:
    place.server.answer = REFS[name]

    # Git meets the same server, and has its own words for what it is.
    with pytest.raises((TransientError, RemoteRefusedError)):
        await place.head()

    assert place.git.asked == ["head"]


@pytest.mark.parametrize(
    "answer", [b"", b"0000", lines_of(OID + b" " + REF + b"2") + b"0000"]
)
async def test_a_ref_that_is_not_listed_is_missing(place: Place, answer: bytes) -> None:
    place.server.answer = answer or b"0000"

    assert isinstance(await place.head(), RefMissing)
    assert place.git.asked == []


async def test_attributes_that_are_not_known_do_not_matter(place: Place) -> None:
    line = OID + b" " + REF + b" later:x peeled:" + b"2" * 40 + b" symref-target:y"
    place.server.answer = lines_of(line + b"\n") + b"0000"

    head = await place.head()

    assert isinstance(head, Head)
    assert head.commit == "2" * 40


TREES: Mapping[str, bytes] = {
    "no pack": b"0000",
    "nothing": b"",
    "a pack without an end": as_answer(pack_of())[:-4],
    "an empty pack": as_answer(pack_of()),
    "another commit": as_answer(pack_of(packed(COMMIT, b"tree " + OID + b"\n"))),
    "an unknown channel": lines_of(b"packfile\n", b"\7x") + b"0000",
    "an empty line in the pack": lines_of(b"packfile\n", b"") + b"0000",
    "an error": lines_of(b"ERR go away\n"),
    "an error beside the pack": lines_of(b"packfile\n", b"\3go away") + b"0000",
    "more than is read": b"0" * (MAX_TREES + 1),
    "more progress than is read": lines_of(
        b"packfile\n", *[b"\2" + b"." * 60_000] * (MAX_TREES // 60_000 + 1)
    ),
    "more objects than are held": as_answer(pack_of(count=TREE_LIMITS.objects + 1)),
    "more than is inflated": as_answer(
        pack_of(*[packed(BLOB, b"\0" * 1024 * 1024)] * 33)
    ),
}


@pytest.mark.parametrize("name", TREES)
async def test_trees_that_are_none_are_left_to_git(place: Place, name: str) -> None:
    place.server.answer = TREES[name]

    with pytest.raises((TransientError, RemoteRefusedError)):
        await place.open()

    assert place.git.asked == ["tree"]


@pytest.mark.parametrize(
    "name", ["more than is read", "more objects than are held", "more than is inflated"]
)
async def test_what_is_too_large_is_not_downloaded_twice_in_an_hour(
    place: Place, name: str
) -> None:
    def ours() -> int:
        return sum(line == "POST git/relaunch" for line in place.server.seen)

    place.server.answer = TREES[name]
    for _ in range(2):
        with pytest.raises((TransientError, RemoteRefusedError)):
            await place.open()
    soon = ours()
    place.clock.advance(timedelta(minutes=61))
    with pytest.raises((TransientError, RemoteRefusedError)):
        await place.open()

    assert (soon, ours()) == (1, 2)


@pytest.mark.parametrize(
    "line", [b"ERR upload-pack: not our ref 1\n", b"\3not our ref"]
)
async def test_a_commit_that_is_not_there_is_refused_in_words(
    place: Place, line: bytes
) -> None:
    is_beside = line.startswith(b"\3")
    head = [b"packfile\n"] if is_beside else []
    place.server.answer = lines_of(*head, line)

    with pytest.raises(RemoteRefusedError, match=r"1111.* of http.*not our ref"):
        await place.open()

    assert place.git.asked == []


async def test_a_deep_tree_takes_no_stack(place: Place) -> None:
    """Two thousand directories, each in the one before."""
    content, trees = b"", [packed(TREE, b"")]
    for _ in range(2_000):
        content = b"40000 d\0" + bytes.fromhex(oid_of("tree", content))
        trees.append(packed(TREE, content))
    commit = b"tree " + oid_of("tree", content).encode() + b"\n"
    place.server.answer = as_answer(pack_of(packed(COMMIT, commit), *trees))
    name = CommitSha(oid_of("commit", commit))

    async with place.remote.tree(place.server.repository, name) as tree:
        deepest = "/".join(["d"] * 2_000)
        found = await tree.entries([deepest, f"{deepest}/d"])
        listing = await tree.listing("", limit=1_000)

    assert [entry.mode for entry in found.values()].count("040000") == 1
    assert listing is None
    assert place.git.asked == []


@pytest.mark.parametrize(("lines", "asked"), [(10, []), (MAX_LINES, ["tree"])])
async def test_a_pack_is_not_looked_for_behind_a_flood_of_lines(
    place: Place, lines: int, asked: list[str]
) -> None:
    commit = b"tree " + oid_of("tree", b"").encode() + b"\n"
    pack = pack_of(packed(COMMIT, commit), packed(TREE, b""))
    flood = lines_of(b"packfile\n", *[b"\2"] * lines)
    place.server.answer = flood + as_answer(pack).removeprefix(lines_of(b"packfile\n"))

    with suppress(TransientError, RemoteRefusedError):
        await place.open(oid_of("commit", commit).encode())

    assert place.git.asked == asked


async def test_a_file_that_reads_as_a_commit_is_none(place: Place) -> None:
    content = b"tree " + oid_of("tree", b"").encode() + b"\n"
    place.server.answer = as_answer(pack_of(packed(BLOB, content), packed(TREE, b"")))

    with suppress(TransientError, RemoteRefusedError):
        await place.open(oid_of("blob", content).encode())

    assert place.git.asked == ["tree"]


async def test_a_file_of_another_id_is_not_given(place: Place) -> None:
    blob = b"100644 a\0" + bytes.fromhex(oid_of("blob", b"wanted"))
    commit = b"tree " + oid_of("tree", blob).encode() + b"\n"
    place.server.answer = as_answer(pack_of(packed(COMMIT, commit), packed(TREE, blob)))
    name = CommitSha(oid_of("commit", commit))

    async with place.remote.tree(place.server.repository, name) as tree:
        found = await tree.entries(["a"])
        place.server.answer = as_answer(pack_of(packed(BLOB, b"forged")))
        with pytest.raises((TransientError, RemoteRefusedError)):
            await tree.read(found["a"].oid, limit=100)

    assert place.git.asked == ["tree"]


ADVERTISEMENTS: Mapping[str, bytes] = {
    "nothing": b"",
    "a page": b"<html>" * 100,
    "a flood": b"0" * (1024 * 1024 + 1),
    "another version": lines_of(b"version 3\n") + b"0000",
    "no commands": lines_of(b"version 2\n") + b"0000",
    "another hash": lines_of(*CAPABILITIES, b"object-format=sha256\n") + b"0000",
}


@pytest.mark.parametrize("name", ADVERTISEMENTS)
async def test_a_server_that_can_do_nothing_here_is_left_to_git(
    place: Place, name: str
) -> None:
    place.server.advertisement = ADVERTISEMENTS[name]

    with suppress(TransientError, RemoteRefusedError):
        await place.head()

    assert place.git.asked == ["head"]


@asynccontextmanager
async def sending_on_for_ever() -> AsyncIterator[str]:
    async def send(request: web.Request) -> web.Response:
        where = request.path_qs.replace("owner", "owner/owner", 1)
        return web.Response(status=301, headers={"Location": where})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", send)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_redirects_have_an_end(place: Place) -> None:
    async with sending_on_for_ever() as url:
        with pytest.raises(RemoteRefusedError, match="redirects"):
            await place.remote.head(Repository.from_url(f"{url}/owner/name"), MAIN)

    assert place.git.asked == []
