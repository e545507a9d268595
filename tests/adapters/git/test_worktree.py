"""A working directory that stands for a commit.

`tests/contracts/test_remote.py` compares it with git.
"""

import os
from pathlib import Path

import pytest

from service.adapters.git.worktree import Folder
from service.domain.definition import ABSENT, FILE, GITLINK
from service.domain.repository import BlobId
from service.errors import InvalidRequestError, NotFoundError


async def test_a_symlink_out_of_the_folder_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("hush")
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path / "secret")
    folder = Folder(root)

    found = await folder.entries(["out", "out/key", "../secret/key"])

    assert found["out/key"].mode == ABSENT
    assert found["../secret/key"].mode == ABSENT
    target = await folder.read(found["out"].oid, limit=1000)
    assert target == os.fsencode(tmp_path / "secret")


async def test_a_file_that_becomes_a_symlink_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("hush")
    (root / "file").write_text("text")
    folder = Folder(root)
    entry = (await folder.entries(["file"]))["file"]
    (root / "file").unlink()
    (root / "file").symlink_to("../secret")

    assert await folder.read(entry.oid, limit=100) == b"../secret"


async def test_what_was_listed_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "lib" / "deep").mkdir(parents=True)
    (tmp_path / "lib" / "setup.cfg").write_text("text")
    (tmp_path / "lib" / "deep" / "link").symlink_to("../setup.cfg")
    folder = Folder(tmp_path)

    listed = await folder.listing("lib", limit=9)

    assert listed is not None
    contents = {
        path: await folder.read(listed[path].oid, limit=99)
        for path in ("lib/setup.cfg", "lib/deep/link")
    }
    assert contents == {"lib/setup.cfg": b"text", "lib/deep/link": b"../setup.cfg"}


async def test_a_named_pipe_is_nothing_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "requirements.txt")

    found = await Folder(tmp_path).entries(["requirements.txt"])

    assert found["requirements.txt"].mode == ABSENT


async def test_a_repository_inside_is_a_submodule_with_nothing_below(
    tmp_path: Path,
) -> None:
    (tmp_path / "module" / ".git").mkdir(parents=True)
    (tmp_path / "module" / "file").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    (tmp_path / "file").write_text("x")

    found = await Folder(tmp_path).entries(
        ["module", "module/file", ".git", ".git/config", ".GIT/config", "file"]
    )

    assert found["module"].mode == GITLINK
    assert found["module/file"].mode == ABSENT
    assert found[".git"].mode == ABSENT
    assert found[".git/config"].mode == ABSENT
    assert found[".GIT/config"].mode == ABSENT
    assert found["file"].mode == FILE


async def test_a_large_file_has_its_id_and_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 3_000_000)
    folder = Folder(tmp_path)

    entry = (await folder.entries(["large"]))["large"]

    assert entry.size == 3_000_000
    assert await folder.read(entry.oid, limit=2_999_999) is None
    assert await folder.read(entry.oid, limit=3_000_000) == b"x" * 3_000_000


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        await Folder(tmp_path / "nowhere").entries(["file"])


async def test_an_id_that_was_never_seen_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file with the id"):
        await Folder(tmp_path).read(BlobId("5" * 40), limit=10)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_is_not_taken_for_absent(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(0)

    with pytest.raises(InvalidRequestError, match="cannot be read"):
        await Folder(tmp_path).entries(["file"])
