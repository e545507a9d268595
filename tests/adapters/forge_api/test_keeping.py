"""What is remembered stays within bounds, and stays what it was."""

from pathlib import Path

import pytest

from service.adapters.forge_api.failing import UnprovenAnswerError
from service.adapters.forge_api.keeping import PER_ENTRY, Etags, Immutables
from service.adapters.forge_api.objects import Listed, blob_id, proved_listing, tree_id
from service.domain.definition import DIRECTORY, EXECUTABLE, FILE, Entry
from service.domain.repository import BlobId
from tests.support.repos import Executable, Link, Repo, Submodule

THING = bytes(1000 - PER_ENTRY)
SHA1, SHA256 = BlobId("5" * 40), BlobId("5" * 64)


def test_the_least_recently_used_go_first() -> None:
    kept = Immutables[bytes](most=10_000, size=len)
    for place in range(10):
        kept.keep(place, THING)
    kept.get(0)

    kept.keep("new", THING)

    assert len(kept) == 10
    assert kept.get(0) is THING
    assert kept.get(1) is None


def test_one_large_thing_does_not_drive_out_the_others() -> None:
    kept = Immutables[bytes](most=10_000, size=len)
    kept.keep("small", THING)

    kept.keep("large", bytes(5_000))

    assert kept.get("large") is None
    assert kept.get("small") is THING


def test_etags_are_bounded_too() -> None:
    etags = Etags(most=3)
    for name in "abc":
        etags[name] = name
    assert etags["a"] == "a"

    etags["d"] = "d"

    assert list(etags) == ["c", "a", "d"]


@pytest.mark.parametrize(
    ("hashing", "like"), [("sha1", SHA1), ("sha256", SHA256)], ids=["sha1", "sha256"]
)
def test_ids_are_those_of_git(tmp_path: Path, hashing: str, like: BlobId) -> None:
    repo = Repo(tmp_path, hashing=hashing)
    repo.commit(
        {
            "a": "1",
            "a.b/x": "2",
            "a-b": Executable("3"),
            "link": Link("a"),
            "module": Submodule(like),
            "odd \udcff": "4",
        }
    )
    rows = repo.git("ls-tree", "-z", "main").split(b"\0")[:-1]
    entries = {}
    for row in rows:
        head, _, name = row.partition(b"\t")
        mode, _, oid = head.decode().split()
        name_text = name.decode("utf-8", "surrogateescape")
        entries[name_text] = Entry(mode=mode, oid=BlobId(oid))

    assert tree_id(entries, like=like) == (
        repo.git("rev-parse", "main^{tree}").decode().strip()
    )
    assert blob_id(b"1", like=like) == entries["a"].oid


def listing(*names: str, mode: str = FILE) -> list[Listed]:
    return [Listed(name=it, mode=mode, oid=SHA1) for it in names]


def proof(*names: str, mode: str = FILE) -> BlobId:
    entries = {it: Entry(mode=mode, oid=SHA1) for it in names}
    return tree_id(entries, like=SHA1)


def test_a_listing_that_is_whole_is_believed() -> None:
    found = proved_listing(listing("a", "b"), oid=proof("a", "b"))

    assert set(found.entries) == {"a", "b"}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(listing("a"), id="cut"),
        pytest.param(listing("a", "b", "c"), id="more"),
        pytest.param(listing("a", "\N{REPLACEMENT CHARACTER}"), id="another name"),
        pytest.param(listing("a", "b", mode=EXECUTABLE), id="another mode"),
        pytest.param(listing("a", "b", mode=DIRECTORY), id="another kind"),
        pytest.param(
            [Listed(name=it, mode=FILE, oid="no hex") for it in "ab"], id="no id"
        ),
        pytest.param([], id="empty"),
    ],
)
def test_a_listing_that_is_anything_else_is_not(rows: list[Listed]) -> None:
    with pytest.raises(UnprovenAnswerError):
        proved_listing(rows, oid=proof("a", "b"))


def test_modes_of_old_tools_are_read_as_git_reads_them() -> None:
    rows = listing("a", mode="100664")

    found = proved_listing(rows, oid=proof("a", mode="100664"))

    assert found.entries["a"].mode == FILE
