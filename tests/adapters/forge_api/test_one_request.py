"""A head with its files in one request, and REST wherever that does not do."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.git.remote import GitRemote
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Ref
from service.domain.source import Head, Revision
from service.errors import Refusal, RemoteRefusedError
from service.ports.remote import NO_READS, ExpectedReads, Remote
from tests.support.apis import an_api
from tests.support.clock import TurnedClock
from tests.support.forge import Forge, HostedRepo, Vendor, a_forge
from tests.support.repos import Content, Executable, Link, Submodule

LIMIT = 1024 * 1024
PLAIN: Mapping[str, Content] = {
    "requirements.txt": "six\n-r env/more.txt\n",
    "env/more.txt": "numpy\r\n",
    "env/deep/way": Link("../more.txt"),
    "env/deep/below/x.py": "",
    "run.sh": Executable("true\n"),
    "empty.txt": "",
    "bom.txt": b"\xef\xbb\xbfsix\n",
    "ünï/cödé.txt": "smörgås\n",
    "data.bin": b"GIF89a\x00\xff",
    "latin.txt": "caf\xe9\n".encode("latin-1"),
    "model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    "inner": Submodule("5" * 40),
    "link.txt": Link("requirements.txt"),
}
TEXTS = (
    *("requirements.txt", "env/more.txt", "run.sh", "empty.txt", "bom.txt"),
    *("ünï/cödé.txt", "model.bin"),
)
"""Files that one query gives exactly."""
EXPECTED = ExpectedReads(
    files=(*TEXTS, "gone.txt", "env/gone/x.txt", "inner", "env", "bad\udcff.txt"),
    directories=("env", "env/deep", "ünï", "nowhere"),
)


@dataclass
class Place:
    forge: Forge
    repo: HostedRepo
    remote: Remote
    clock: TurnedClock
    asked: int = 0

    async def look(
        self,
        *paths: str,
        revision: str | None = None,
        expected: ExpectedReads = EXPECTED,
    ) -> tuple[Head, dict[str, bytes | None]]:
        """Read the head and then files, as an evaluation does."""
        self.asked = len(self.forge.requests)
        repository = self.repo.repository
        head = await self.remote.head(
            repository, Revision.from_text(revision), expected=expected
        )
        assert isinstance(head, Head), head
        async with self.remote.tree(repository, head.commit) as tree:
            found = await tree.entries(paths)
            return head, {
                path: await tree.read(found[path].oid, limit=LIMIT) for path in paths
            }

    @property
    def requests(self) -> list[str]:
        """What the forge was asked by the last look."""
        new = self.forge.requests[self.asked :]
        return [f"{request.method} {request.path}" for request in new]


@asynccontextmanager
async def a_place(folder: Path, vendor: Vendor) -> AsyncIterator[Place]:
    clock = TurnedClock()
    async with (
        a_forge(folder, vendor=vendor, clock=clock) as forge,
        an_api(forge, clock=clock) as remote,
    ):
        yield Place(forge, forge.create("owner/name", files=PLAIN), remote, clock)


@pytest.fixture(params=["github", "gitlab"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with a_place(tmp_path, request.param) as here:
        yield here


async def read_by_git(place: Place, paths: Iterable[str]) -> dict[str, bytes | None]:
    git = GitRemote(environment={}, allow_files=True)
    bare = place.repo.bare
    head = await git.head(bare.repository, Revision.from_text(None))
    assert isinstance(head, Head)
    async with git.tree(bare.repository, head.commit) as tree:
        found = await tree.entries(paths)
        return {path: await tree.read(found[path].oid, limit=LIMIT) for path in paths}


async def test_a_head_and_what_is_expected_of_it_take_one_request(place: Place) -> None:
    head, read = await place.look(*TEXTS)

    assert place.requests == ["POST /api/graphql"]
    assert head == Head(commit=CommitSha(place.repo.tip()), ref=Ref("refs/heads/main"))
    assert head.repository == place.repo.repository
    assert head.is_private is False
    assert read == await read_by_git(place, TEXTS)


async def test_every_push_takes_one_request_whatever_it_touches(place: Place) -> None:
    await place.look(*TEXTS)
    for files in ({"README.md": "x"}, {"env/more.txt": "numpy<2\n"}, {"env/new": "1"}):
        await place.repo.push(files)

        _, read = await place.look(*TEXTS)

        assert place.requests == ["POST /api/graphql"]
        assert read == await read_by_git(place, TEXTS)


async def test_what_no_text_can_carry_is_read_by_its_id(place: Place) -> None:
    odd = ("data.bin", "latin.txt", "link.txt", "env/deep/way")

    _, read = await place.look(*odd, expected=ExpectedReads(files=odd))

    assert read == await read_by_git(place, odd)
    assert "POST /api/graphql" in place.requests


async def test_a_file_that_is_too_large_is_fetched_in_vain_once(place: Place) -> None:
    long = ("uv.lock",)
    await place.repo.push({"uv.lock": "x" * (LIMIT + 1)})
    _, first = await place.look(*long, expected=ExpectedReads(files=long))
    await place.repo.push({"README.md": "x"})

    _, second = await place.look(*long, expected=ExpectedReads(files=long))

    assert first == second == {"uv.lock": None}
    assert place.requests == ["POST /api/graphql"]


async def test_a_file_that_the_answer_cuts_is_read_by_its_id(place: Place) -> None:
    long = "six\n" * 300_000
    await place.repo.push({"long.txt": long[: 4 * 200_000]})
    expected = ExpectedReads(files=("long.txt",))

    _, read = await place.look("long.txt", expected=expected)

    assert read == {"long.txt": long[: 4 * 200_000].encode()}


async def test_links_and_submodules_are_entries_like_any_other(place: Place) -> None:
    head, _ = await place.look()
    paths = ("link.txt", "inner", "run.sh", "env", "env/deep/way", "inner/x", "")

    async with place.remote.tree(place.repo.repository, head.commit) as tree:
        found = await tree.entries(paths)

    git = GitRemote(environment={}, allow_files=True)
    async with git.tree(place.repo.bare.repository, head.commit) as tree:
        assert found == await tree.entries(paths)


async def test_a_listing_that_is_expected_needs_no_other_request(place: Place) -> None:
    expected = ExpectedReads(files=("requirements.txt",), listings=("env",))
    head, _ = await place.look("requirements.txt", expected=expected)

    async with place.remote.tree(place.repo.repository, head.commit) as tree:
        listed = await tree.listing("env", limit=100)

    assert listed is not None
    assert set(listed) == {"env/more.txt", "env/deep", "env/deep/way"}
    assert place.requests == ["POST /api/graphql"]


async def test_a_listing_that_nobody_expected_takes_one_more_request(
    place: Place,
) -> None:
    files = {f"src/p{number}/deep/x.py": "" for number in range(9)}
    await place.repo.push({**files, "src/way": Link("p1"), "src/p1/l": Link("../p2")})
    head, _ = await place.look("requirements.txt")

    async with place.remote.tree(place.repo.repository, head.commit) as tree:
        place.asked = len(place.forge.requests)
        listed = await tree.listing("src", limit=100)

    assert listed is not None
    assert set(listed) == {*(f"src/p{n}" for n in range(9)), "src/way", "src/p1/l"}
    assert len(place.requests) == 2


async def test_a_listing_of_too_many_directories_is_given_up_without_reading_them(
    place: Place,
) -> None:
    await place.repo.push({f"src/p{number}/x.py": "" for number in range(9)})
    head, _ = await place.look("requirements.txt")

    async with place.remote.tree(place.repo.repository, head.commit) as tree:
        place.asked = len(place.forge.requests)

        assert await tree.listing("src", limit=9) is None
    assert len(place.requests) == 1


async def test_a_listing_that_does_not_fit_one_answer_is_read_by_directory(
    place: Place,
) -> None:
    place.forge.tree_cap = 60
    await place.repo.push(
        {f"src/p{n}/x{m}.py": "" for n in range(3) for m in range(40)}
    )
    head, _ = await place.look("requirements.txt")

    async with place.remote.tree(place.repo.repository, head.commit) as tree:
        listed = await tree.listing("src", limit=100)

    assert listed is not None
    assert set(listed) == {"src/p0", "src/p1", "src/p2"}


async def test_nothing_to_read_asks_for_the_head_alone(place: Place) -> None:
    await place.look(expected=NO_READS)

    assert not any("graphql" in request for request in place.requests)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, None),
        (401, None),
        (403, None),
        (302, None),
        (500, None),
        (200, b"<html>"),
        (200, b'{"errors": [{"message": "too complex"}]}'),
        (200, b'{"data": null}'),
        (200, b'{"data": {"repository": 7, "project": [], "projects": 7}}'),
        (200, b"[" * 100_000),
    ],
    ids=lambda part: str(part)[:30],
)
async def test_whatever_is_refused_is_asked_of_rest(
    place: Place, status: int, body: bytes | None
) -> None:
    place.forge.fail_next(status, headers={"Location": "/elsewhere"}, body=body)

    head, read = await place.look(*TEXTS)

    assert head.commit == place.repo.tip()
    assert read == await read_by_git(place, TEXTS)
    assert len(place.requests) > 1


async def test_a_forge_without_graphql_is_not_asked_for_it_at_every_push(
    place: Place,
) -> None:
    place.forge.has_graphql = False
    await place.look(*TEXTS)
    assert "POST /api/graphql" in place.requests

    await place.look(*TEXTS)
    meanwhile = place.requests
    place.clock.advance(timedelta(hours=1))
    await place.look(*TEXTS)

    assert "POST /api/graphql" not in meanwhile
    assert "POST /api/graphql" in place.requests


async def test_a_renamed_repository_is_found_under_its_number(place: Place) -> None:
    old = place.repo.repository
    place.forge.rename(place.repo, "owner/other")

    head = await place.remote.head(old, Revision.from_text(None), expected=EXPECTED)

    assert isinstance(head, Head)
    assert head.repository is not None
    assert (head.repository.path, head.repository.number) == ("owner/other", old.number)


async def test_another_repository_under_the_old_name_is_not_read(place: Place) -> None:
    old = place.repo.repository
    place.forge.delete(place.repo)
    place.forge.create("owner/name", files={"requirements.txt": "evil\n"})

    with pytest.raises(RemoteRefusedError) as caught:
        await place.remote.head(old, Revision.from_text(None), expected=EXPECTED)

    assert caught.value.refusal is Refusal.REPLACED


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_who_may_read_a_repository_is_part_of_its_head(
    place: Place, visibility: str
) -> None:
    place.forge.set_visibility(place.repo, visibility)

    head, _ = await place.look(*TEXTS)

    assert head.is_private is (visibility == "private")


async def test_a_name_is_a_branch_before_it_is_a_tag(place: Place) -> None:
    tip = place.repo.tip()
    bare = place.repo.bare
    place.repo.bare.tag("main", tip)
    other = bare.commit({"requirements.txt": "six<2\n"}, branch="v1")
    for name in ("v1", "v2"):
        bare.tag(name, bare.tag(f"{name}-inner", tip, message="one"), message="two")

    looks = [await place.look(revision=name) for name in ("main", "v1", "v2")]

    heads = [(head.commit, head.ref) for head, _ in looks]
    assert heads == [
        (tip, "refs/heads/main"),
        (other, "refs/heads/v1"),
        (tip, "refs/tags/v2"),
    ]


@pytest.mark.parametrize("name", ["gone", "a..b", "x.lock", "-h", "mai"])
async def test_a_ref_that_is_not_there_is_missing(place: Place, name: str) -> None:
    answer = await place.remote.head(
        place.repo.repository, Revision.from_text(name), expected=EXPECTED
    )

    assert isinstance(answer, RefMissing)


async def test_an_empty_repository_has_no_head(place: Place) -> None:
    empty = place.forge.create("owner/empty")

    answer = await place.remote.head(
        empty.repository, Revision.from_text(None), expected=EXPECTED
    )

    assert isinstance(answer, RefMissing)


async def test_that_a_project_is_too_large_to_list_shows_in_the_same_request(
    tmp_path: Path,
) -> None:
    async with a_place(tmp_path, "github") as place:
        await place.repo.push({f"src/p{number}/x.py": "" for number in range(9)})
        expected = ExpectedReads(files=("requirements.txt",), large=("",))
        head, _ = await place.look("requirements.txt", expected=expected)

        async with place.remote.tree(place.repo.repository, head.commit) as tree:
            assert await tree.listing("", limit=9) is None

        assert place.requests == ["POST /api/graphql"]
