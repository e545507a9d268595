"""Trees that strangers made are walked and removed, however deep they are."""

import os
from pathlib import Path

import pytest

from service.adapters.local.folders import remove_tree, walk_tree

LEVELS = 3000
"""More than Python's stack, descriptors (1024) and the longest path (4096) allow."""


def dig(top: Path, levels: int) -> None:
    """Make folders in each other, with a file and a link out of the tree in each."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.close(os.open("file", os.O_CREAT, dir_fd=here))
        os.symlink(top.parent, "link", dir_fd=here)
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def test_a_tree_of_any_depth_is_removed_and_nothing_that_it_links_to(
    tmp_path: Path,
) -> None:
    (tmp_path / "kept").write_text("x")
    (tmp_path / "tree").mkdir()
    dig(tmp_path / "tree", LEVELS)

    remove_tree(tmp_path / "tree")

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_deep_tree_is_walked_as_far_as_paths_go(tmp_path: Path) -> None:
    dig(tmp_path, LEVELS)
    try:
        levels = list(walk_tree(tmp_path))
    finally:
        remove_tree(tmp_path)  # nobody else can

    assert len(levels) > 1500
    assert all("file" in files for _, _, files in levels)


def test_a_tree_is_walked_as_the_library_walks_it(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/d", "e"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("")
    (tmp_path / "a/link").symlink_to(tmp_path)

    def row(level: tuple[str, list[str], list[str]]) -> str:
        here, folders, files = level
        return f"{here} {sorted(folders)} {files}"

    assert sorted(map(row, walk_tree(tmp_path))) == sorted(map(row, os.walk(tmp_path)))


def test_folders_that_are_taken_out_are_not_walked(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    seen = []
    for here, folders, _ in walk_tree(tmp_path):
        seen.append(here)
        folders.clear()

    assert seen == [str(tmp_path)]


@pytest.mark.parametrize("kind", ["missing", "a link", "a file"])
def test_what_is_no_folder_is_removed_too(tmp_path: Path, kind: str) -> None:
    path, victim = tmp_path / "path", tmp_path / "victim"
    victim.mkdir()
    if kind == "a link":
        path.symlink_to(victim)
    elif kind == "a file":
        path.write_text("")

    remove_tree(path)

    assert list(tmp_path.iterdir()) == [victim]
