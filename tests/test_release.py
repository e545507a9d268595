"""A release is checked before anything is written, and tags what it writes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.release import ReleaseError, release

ROOT = Path(__file__).parents[1]


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "12.fixed.md").write_text("A defect is mended.\n")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "config", "user.name", "a maintainer")
    git(tmp_path, "config", "user.email", "maintainer@example.org")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    return tmp_path


def test_a_release_writes_version_and_changelog_and_tags_them(project: Path) -> None:
    assert release(project, "9.0.0") == "v9.0.0"

    assert 'version = "9.0.0"' in (project / "pyproject.toml").read_text()
    assert "## [9.0.0]" in (project / "CHANGELOG.md").read_text()
    assert (
        "### Fixed\n\n- A defect is mended." in (project / "CHANGELOG.md").read_text()
    )
    assert list((project / "changes").glob("*.md")) == []
    assert git(project, "describe") == "v9.0.0"
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "version", ["9", "v9.0.0", "9.0", "09.0.0", "9.0.0+x", "0.0.1"]
)
def test_a_version_that_is_not_semantic_or_not_newer_is_refused(
    project: Path, version: str
) -> None:
    with pytest.raises(ReleaseError, match=r"semantic|newer"):
        release(project, version)

    assert git(project, "status", "--porcelain") == ""


def test_an_unclean_tree_is_refused(project: Path) -> None:
    (project / "left.txt").write_text("")

    with pytest.raises(ReleaseError, match=r"left\.txt"):
        release(project, "9.0.0")


def test_another_branch_is_refused(project: Path) -> None:
    git(project, "switch", "--quiet", "--create", "topic")

    with pytest.raises(ReleaseError, match="topic"):
        release(project, "9.0.0")


def test_a_release_without_changes_is_refused(project: Path) -> None:
    git(project, "rm", "--quiet", "changes/12.fixed.md")
    git(project, "commit", "--quiet", "--message", "none")

    with pytest.raises(ReleaseError, match="nothing to release"):
        release(project, "9.0.0")


def test_every_fragment_of_this_checkout_has_a_type() -> None:
    names = [path.name for path in (ROOT / "changes").glob("*.md")]

    assert [name for name in names if name.count(".") < 2] == []
