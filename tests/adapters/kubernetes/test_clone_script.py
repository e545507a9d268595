"""The clone phase's own script, run by the machine's sh and git."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.adapters.kubernetes.manifests.clone import (
    COMMIT_GONE,
    CONTEXT_MISSING,
    FETCH_FAILED,
    MARK,
    SUBMODULES_FAILED,
)
from service.adapters.kubernetes.manifests.phases import phases
from service.domain.building.build import Build
from service.domain.repository import CommitSha
from tests.adapters.kubernetes.test_manifest_properties import expanded
from tests.adapters.kubernetes.variants import an_options, some_build
from tests.support.repos import Content, Link, Repo, Submodule


@dataclass(frozen=True, kw_only=True)
class Cloned:
    """What one run of the phase left."""

    code: int
    said: str
    root: Path
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        return self.root / "workspace" / "source"

    @property
    def message(self) -> str:
        path = self.root / "message"
        return path.read_text() if path.exists() else ""


def run_clone(build: Build, root: Path, config: str = "", **changes: Any) -> Cloned:
    """Run the phase's container without a container: other folders, the same words."""
    options = an_options(git_protocols=("https", "http", "file"), **changes)
    clone = phases(build, options)[0]
    (root / "workspace").mkdir()
    elsewhere = {
        "SOURCE": str(root / "workspace" / "source"),
        "PLATFORM": str(root / "platform"),
        "MESSAGE": str(root / "message"),
        "PROJECT_FILE": str(root / "project-metadata.toml"),
        "HOME": str(root),
        "GIT_CONFIG_PARAMETERS": config,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    given = {item["name"]: expanded(item["value"]) for item in clone["env"]}
    command = [expanded(value) for value in (*clone["command"], *clone["args"])]
    done = subprocess.run(
        command,
        env={**given, **elsewhere},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return Cloned(code=done.returncode, said=done.stderr, root=root, told=given)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "origin.git")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "pod"
    path.mkdir()
    return path


def of(repo: Repo, commit: CommitSha, **changes: Any) -> Build:
    return some_build(repository_url=repo.url, commit=commit, **changes)


def test_the_commit_is_checked_out_without_its_history(repo: Repo, root: Path) -> None:
    repo.commit({"requirements.txt": "old\n"})
    commit = repo.commit({"requirements.txt": "new\n"})

    cloned = run_clone(of(repo, commit), root)

    assert cloned.code == 0, cloned.said
    assert (cloned.source / "requirements.txt").read_text() == "new\n"
    assert cloned.message == commit
    count = ["git", "-C", str(cloned.source), "rev-list", "--count", "HEAD"]
    assert subprocess.check_output(count, text=True).strip() == "1"


def test_a_commit_that_no_ref_points_at_any_more_is_still_found(
    repo: Repo, root: Path
) -> None:
    commit = repo.commit({"requirements.txt": "old\n"})
    repo.commit({"requirements.txt": "new\n"})

    # Of the old protocol, in which servers give only what their refs point at.
    cloned = run_clone(of(repo, commit), root, config="'protocol.version'='0'")

    assert cloned.code == 0, cloned.said
    assert "fetching all refs" in cloned.said
    assert (cloned.source / "requirements.txt").read_text() == "old\n"


def test_a_commit_that_is_gone_is_called_gone(repo: Repo, root: Path) -> None:
    repo.commit({"requirements.txt": ""})

    cloned = run_clone(of(repo, CommitSha("e" * 40)), root)

    assert cloned.code == 1
    assert f"{MARK}{COMMIT_GONE}: " in cloned.said
    assert cloned.message == ""


def test_a_repository_that_is_not_there_is_no_commit_that_is_gone(
    tmp_path: Path, root: Path
) -> None:
    url = f"file://{tmp_path}/nowhere.git"
    build = some_build(repository_url=url, commit=CommitSha("e" * 40))

    cloned = run_clone(build, root)

    assert cloned.code == 1
    assert f"{MARK}{FETCH_FAILED}: " in cloned.said


@pytest.mark.parametrize("context_dir", ["missing", "file", "out", "../.."])
def test_a_context_that_is_no_directory_of_the_repository_is_refused(
    repo: Repo, root: Path, context_dir: str
) -> None:
    (root / "outside").mkdir()
    commit = repo.commit({"file": "text", "out": Link("../../outside")})

    cloned = run_clone(of(repo, commit, context_dir=context_dir), root)

    assert cloned.code == 1
    assert f"{MARK}{CONTEXT_MISSING}: " in cloned.said


def test_a_context_in_the_repository_is_taken(repo: Repo, root: Path) -> None:
    commit = repo.commit({"a/b c/requirements.txt": ""})

    assert run_clone(of(repo, commit, context_dir="a/b c"), root).code == 0


def test_buildpacks_are_told_in_files_of_their_names(repo: Repo, root: Path) -> None:
    commit = repo.commit({"requirements.txt": ""})
    odd = 'with $(HOME), "quotes"\nand = lines'

    cloned = run_clone(of(repo, commit), root, variables={"BP_ODD": odd})

    assert cloned.code == 0, cloned.said
    told = root / "platform" / "env"
    assert (told / "BP_ODD").read_text() == odd
    assert (told / "BP_RENKU_FRONTENDS").read_text() == "jupyterlab"


def test_nothing_of_a_git_secret_stays_in_the_checkout(repo: Repo, root: Path) -> None:
    commit = repo.commit({"requirements.txt": ""})

    cloned = run_clone(of(repo, commit), root, git_secrets={"": "secret"})

    assert cloned.code == 0, cloned.said
    assert "credential.file://.helper" in cloned.told.values()
    assert "credential" not in (cloned.source / ".git" / "config").read_text()


def test_a_submodule_is_left_out_with_a_word_unless_it_is_wanted(
    repo: Repo, root: Path, tmp_path: Path
) -> None:
    commit = with_submodule(repo, tmp_path)

    cloned = run_clone(of(repo, commit), root)

    assert cloned.code == 0, cloned.said
    assert "submodules are not checked out" in cloned.said
    assert not (cloned.source / "part" / "inner").exists()


def test_a_submodule_that_is_wanted_is_there(
    repo: Repo, root: Path, tmp_path: Path
) -> None:
    commit = with_submodule(repo, tmp_path)

    cloned = run_clone(of(repo, commit), root, submodules=True)

    assert cloned.code == 0, cloned.said
    assert (cloned.source / "part" / "inner").read_text() == "here"


def test_a_submodule_that_cannot_be_fetched_is_named_as_the_reason(
    repo: Repo, root: Path, tmp_path: Path
) -> None:
    commit = with_submodule(repo, tmp_path)
    (tmp_path / "part.git").rename(tmp_path / "moved.git")

    cloned = run_clone(of(repo, commit), root, submodules=True)

    assert cloned.code == 1
    assert f"{MARK}{SUBMODULES_FAILED}: " in cloned.said


def with_submodule(repo: Repo, tmp_path: Path) -> CommitSha:
    part = Repo(tmp_path / "part.git")
    inner = part.commit({"inner": "here"})
    told = f'[submodule "part"]\n\tpath = part\n\turl = {part.url}\n'
    return repo.commit({".gitmodules": told, "part": Submodule(inner)})


def test_only_what_counts_is_checked_out(repo: Repo, root: Path) -> None:
    files: dict[str, Content] = {
        "requirements.txt": "-e ./lib\n",
        "lib/deep/a.py": "",
        "lib/link": Link("../far"),
        "far/b.py": "",
        'we"ird $(x) \\ \u00e9.txt': "",
        "app.py": "",
        "lib2/c.py": "",
        ".github/ci.yml": "",
    }
    commit = repo.commit(files)
    kept = ("far", "lib", "requirements.txt", 'we"ird $(x) \\ \u00e9.txt')

    cloned = run_clone(of(repo, commit, kept=kept), root)

    assert cloned.code == 0, cloned.said
    found = {
        str(path.relative_to(cloned.source))
        for path in cloned.source.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and ".git" not in path.parts
    }
    assert found == files.keys() - {"app.py", "lib2/c.py", ".github/ci.yml"}
    assert not (cloned.source / ".git").exists()
    assert cloned.message == commit
    told = {item.name for item in (root / "platform" / "env").iterdir()}
    assert not [name for name in told if name.startswith("keep")]


def test_a_path_to_keep_that_is_not_there_fails_the_phase(
    repo: Repo, root: Path
) -> None:
    commit = repo.commit({"requirements.txt": ""})

    cloned = run_clone(of(repo, commit, kept=("requirements.txt", "gone")), root)

    assert cloned.code == 1
    assert MARK in cloned.said
