"""Ids of git objects are those that git computes."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from service.adapters.git.object_ids import blob_id, hash_blob, tree_id
from service.domain.definition import Entry
from service.domain.repository import BlobId
from tests.support.repos import Executable, Link, Repo, Submodule

SHA1, SHA256 = BlobId("5" * 40), BlobId("5" * 64)


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


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def hashing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Repo:
    return Repo(tmp_path_factory.mktemp("ids"), hashing=request.param)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(parts=st.lists(st.binary(max_size=100), max_size=5))
def test_a_blob_has_the_id_that_git_hashes(hashing: Repo, parts: list[bytes]) -> None:
    content = b"".join(parts)

    expected = hashing.git("hash-object", "--stdin", stdin=content).decode().strip()

    like = BlobId(expected)
    assert blob_id(content, like=like) == expected
    assert hash_blob(parts, size=len(content), like=like) == expected
