"""Every file, folder and make target that a page names is there."""

import re
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

from scripts.docs import ROOT

HIDDEN: Final = (".venv", ".make", ".mypy_cache", ".ruff_cache", "__pycache__")
HISTORY: Final = ("changes", "CHANGELOG.md")
"""What was true at its time."""
TOP: Final = sorted(
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and not path.name.startswith(".")
)
FILES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for top in (*(ROOT / name for name in TOP), *ROOT.glob("*"))
    for path in ([top] if top.is_file() else top.rglob("*"))
    if not set(HIDDEN) & set(path.parts)
)
PAGES: Final = sorted(
    ROOT / name
    for name in set(FILES)
    if name.endswith(".md") and not name.startswith(HISTORY)
)
ELSEWHERE: Final = {"setup.py"}
"""Files of the repositories that are built."""
_PATH: Final = re.compile(
    r"(?<![\w./<-])(?:\.\./|\./)?((?:[\w*-][\w.*-]*/)*[\w*.-]+/?)"
)
_TARGET: Final = re.compile(r"(?:`| {4})make ([a-z-]+)")


def is_ours(name: str) -> bool:
    """Return whether a word of a page names a file or a folder of this repository."""
    first = name.partition("/")[0]
    is_file = bool(PurePosixPath(name).suffix) and name.endswith((".py", ".sh"))
    return is_file or ("/" in name and first in TOP)


def is_there(name: str) -> bool:
    """Find a path from the root, or from a folder that the page named before."""
    pattern = name.rstrip("/.")
    return any(
        fnmatch(file, pattern)
        or fnmatch(file, f"*/{pattern}")
        or fnmatch(file, f"{pattern}/*")
        or fnmatch(file, f"*/{pattern}/*")
        for file in FILES
    )


def paths_of(text: str) -> set[str]:
    """List the paths of this repository that a text names."""
    return {
        name
        for match in _PATH.findall(text)
        if is_ours(name := match.rstrip("."))
        and PurePosixPath(name).name not in ELSEWHERE
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_of_a_page_is_there(page: Path) -> None:
    named = paths_of(page.read_text())

    assert sorted(name for name in named if not is_there(name)) == []


def test_pages_name_paths() -> None:
    assert len(paths_of((ROOT / "ARCHITECTURE.md").read_text())) > 30
    assert not is_there("handlers/doorkeeper.py")
    assert not is_there("service/contract.py")


def test_every_make_target_of_a_page_is_one() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {name for page in PAGES for name in _TARGET.findall(page.read_text())}

    assert len(named) > 5
    assert named - targets == set()
