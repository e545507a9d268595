"""Digests, folders: the small promises."""

from pathlib import Path

import pytest

from service.adapters.local.folders import Folders, remove_tree
from service.adapters.local.inventory import digest_of, size_of
from service.adapters.local.options import passed
from service.errors import InvalidRequestError


def a_tree(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "run").write_text("#!/bin/sh\n")
    (folder / "bin" / "run").chmod(0o755)
    (folder / "lib").symlink_to("bin")
    return folder


def test_equal_trees_have_equal_digests(tmp_path: Path) -> None:
    one, two = a_tree(tmp_path / "one"), a_tree(tmp_path / "two")
    (two / "bin" / "run.pyc").write_bytes(b"byte code holds times")

    assert digest_of(one) == digest_of(two)


@pytest.mark.parametrize("change", ["content", "mode", "link", "name", "more"])
def test_whatever_counts_changes_the_digest(tmp_path: Path, change: str) -> None:
    tree = a_tree(tmp_path / "tree")
    before, run = digest_of(tree), tree / "bin" / "run"
    match change:
        case "content":
            run.write_text("#!/bin/bash\n")
        case "mode":
            run.chmod(0o644)
        case "link":
            (tree / "lib").unlink()
            (tree / "lib").symlink_to("elsewhere")
        case "name":
            run.rename(tree / "bin" / "ran")
        case _:
            (tree / "more").write_text("")

    assert digest_of(tree) != before


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 1000)
    (tmp_path / "two").hardlink_to(tmp_path / "one")

    assert size_of(tmp_path) == 1000


def test_only_named_variables_are_passed_to_builds() -> None:
    environment = {"PATH": "/bin", "HTTPS_PROXY": "http://p", "RELAUNCH_KEY": "secret"}

    assert passed(environment) == {"PATH": "/bin", "HTTPS_PROXY": "http://p"}


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "a b", "x" * 101])
def test_a_build_id_is_no_way_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequestError, match="build id"):
        Folders(root=tmp_path).build(name)


def test_folders_that_cannot_be_written_to_are_removed_too(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree")
    (tree / "bin").chmod(0o500)
    remove_tree(tree)
    remove_tree(tree)

    assert not tree.exists()
