"""`relaunch replay` over real histories whose truth is known; no service runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.definitions.pip.closure import MAX_LINES
from tests.cli.conftest import Run
from tests.support.repos import Executable, Link, MovedFrom, Repo, git


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A history of ten pushes after the first; what each must lead to is beside it."""
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "-r more.txt\nsix==1.16.0\n", "more.txt": ""})
    repo.commit({"README.md": "A course\n"})  # left
    repo.commit({"more.txt": "iniconfig\n"})  # built
    repo.commit({"requirements.txt": "-r more.txt\nsix==1.16.0  # why\n"})  # same
    repo.commit({"more.txt": ""})  # reused
    repo.commit({"other/requirements.txt": "pandas\n"})  # left
    repo.commit({"requirements.txt": None})  # no definition
    repo.commit({"README.md": "No course\n"})  # no definition
    repo.commit({"environment.yml": "dependencies: [python]\n"})  # built
    repo.commit({"requirements.txt": "six\n"})  # built: it takes precedence
    repo.commit({"notes": "n\n"})  # left
    return repo


def told(run: Run, *words: str, code: int = 0) -> Any:
    said = run("replay", *words, "-o", "json")
    assert said.exit_code == code, said.output
    return json.loads(said.stdout)


def test_every_push_is_counted_where_it_belongs(run: Run, repo: Repo) -> None:
    found = told(run, str(repo.path))

    assert found["pushes"] == 10
    assert found["table"]["no_definition"] == {"changed": 1, "not_changed": 1}
    assert found["table"]["same_meaning"] == {"changed": 1, "not_changed": 0}
    assert found["table"]["rebuilt"]["not_changed"] == 0
    assert found["table"]["not_rebuilt"]["changed"] == 0
    assert (found["missed"], found["needless"]) == (0, 0)
    assert (found["precision"], found["recall"]) == (1.0, 1.0)
    assert found["images_reused"] == 1
    assert (found["builds"], found["builds_avoided"]) == (3, 7)
    assert found["wrong"] == []


def test_a_person_reads_the_same_as_a_table(run: Run, repo: Repo) -> None:
    said = run("replay", str(repo.path))

    assert said.exit_code == 0, said.output
    assert said.output.startswith("10 pushes were replayed in ")
    rows = {line[:14].strip(): line.split()[-2:] for line in said.output.splitlines()}
    assert rows["same meaning"] == ["1", "0"]
    assert "Precision: 100 %, 0 needless rebuilds." in said.output
    assert "Recall: 100 %, 0 missed changes." in said.output


def test_a_head_that_left_its_definition_costs_no_request_for_a_file(
    run: Run, tmp_path: Path
) -> None:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "-r more.txt\n", "more.txt": "six\n"})
    repo.commit({"README.md": "A course\n"})

    assert told(run, str(repo.path))["requests"] == 2  # head and trees


def test_ends_are_named_as_git_names_them(run: Run, repo: Repo) -> None:
    repo.tag("v1", "main~8")
    found = told(run, str(repo.path), "--from", "v1", "--to", "main~6")

    assert found["pushes"] == 2
    assert found["table"]["rebuilt"] == {"changed": 1, "not_changed": 0}
    assert found["same_meaning"] == 1


def test_some_commits_can_make_one_push(run: Run, repo: Repo) -> None:
    found = told(run, str(repo.path), "--every", "4")

    assert found["pushes"] == 3
    assert (found["missed"], found["needless"]) == (0, 0)


def test_merged_branches_are_one_push_unless_all_is_asked_for(
    run: Run, tmp_path: Path
) -> None:
    repo = Repo(tmp_path / "course.git")
    first = repo.commit({"requirements.txt": "six==1\n"})
    side = repo.commit({"requirements.txt": "six==2\n"}, branch="side", parents=[first])
    side = repo.commit({"requirements.txt": "six==3\n"}, branch="side", parents=[side])
    mine = repo.commit({"a": "1"})
    repo.commit({"requirements.txt": "six==3\n"}, parents=[mine, side])

    assert told(run, str(repo.path))["builds"] == 1
    assert told(run, str(repo.path), "--all")["pushes"] == 4


def test_a_definition_may_lie_in_a_folder(run: Run, repo: Repo) -> None:
    found = told(run, str(repo.path), "--context-dir", "other/")

    assert found["builds"] == 1
    assert found["table"]["no_definition"]["not_changed"] == 4


def test_git_and_we_agree_about_links_modes_and_mere_presence(
    run: Run, tmp_path: Path
) -> None:
    repo = Repo(tmp_path / "course.git")
    project = '[project]\nname = "a"\nversion = "1"\nreadme = "README.md"\n'
    repo.commit(
        {
            "pyproject.toml": project + 'dependencies = ["six"]\n',
            "README.md": "one\n",
            "src/a/__init__.py": "",
        }
    )
    repo.commit({"README.md": "two\n"})  # of a project that is installed: it counts
    repo.commit({"README.md": None})
    repo.commit({"README.md": "three\n"})
    repo.commit({"real.txt": "six\n", "requirements.txt": Link("real.txt")})
    repo.commit({"real.txt": Executable("six\n")})  # no reader cares
    repo.commit({"real.txt": "six==1.17.0\n"})
    repo.commit({"other.txt": MovedFrom("real.txt")})

    found = told(run, str(repo.path))

    assert (found["missed"], found["needless"]) == (0, 0)
    assert found["table"]["not_rebuilt"]["not_changed"] >= 1


def test_a_repository_is_fetched_by_its_url(run: Run, repo: Repo) -> None:
    repo.tag("v1", "main~8")
    by_url = told(run, repo.url, "--from", "v1", "--to", "main")
    by_path = told(run, str(repo.path), "--from", "v1")

    assert by_url["table"] == by_path["table"]
    assert by_url["pushes"] == 8


def test_a_working_folder_does_as_well_as_a_bare_one(
    run: Run, repo: Repo, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    git("clone", "--quiet", repo.url, work)
    git("-C", work, "worktree", "add", "--quiet", tmp_path / "tree", "HEAD")
    (work / "deep").mkdir()
    before = git("-C", work, "status", "--porcelain", "--branch")

    bare = told(run, str(repo.path))
    within = told(run, str(work / "deep"))
    beside = told(run, str(tmp_path / "tree"))

    assert within["table"] == beside["table"] == bare["table"]
    after = git("-C", work, "status", "--porcelain", "--branch")
    assert after == before


def test_long_commit_ids_are_read(run: Run, tmp_path: Path) -> None:
    repo = Repo(tmp_path / "course.git", hashing="sha256")
    repo.commit({"requirements.txt": "six==1\n"})
    repo.commit({"requirements.txt": "six==2\n"})

    assert told(run, str(repo.path))["builds"] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["{repo}", "--from", "v9"], "has no commit 'v9'"),
        (["{repo}", "--to", "--all"], "has no commit '--all'"),
        (["{repo}", "--from", "main", "--to", "main~2"], "does not come after"),
        (["{repo}", "--from", "main"], "there is no commit to replay"),
        (["{tmp}"], "is neither a git repository nor a URL"),
        (["{tmp}/nowhere"], "is neither a git repository nor a URL"),
        (["{empty}"], "has no commits yet"),
        (["{shallow}"], "is a shallow clone"),
        (["{partial}"], "is a partial clone"),
        (["file://{tmp}/nowhere"], "cannot fetch file://"),
        (["https://me:secret@git.example.org/a/b"], "carries credentials"),
    ],
)
def test_what_cannot_be_replayed_is_told(
    run: Run, repo: Repo, tmp_path: Path, words: list[str], says: str
) -> None:
    places = {
        "repo": repo.path,
        "tmp": tmp_path,
        "empty": Repo(tmp_path / "empty.git").path,
        "shallow": tmp_path / "shallow",
        "partial": tmp_path / "partial",
    }
    for name, how in (("shallow", "--depth=2"), ("partial", "--filter=blob:none")):
        if f"{{{name}}}" in words:
            git("clone", "--quiet", "--bare", how, repo.url, places[name])

    said = run("replay", *(word.format(**places) for word in words))

    assert said.exit_code == 1
    assert says in said.output
    assert "secret" not in said.output
    assert "Traceback" not in said.output


def test_a_definition_that_cannot_be_followed_counts_as_a_whole(
    run: Run, tmp_path: Path
) -> None:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six\n" * (MAX_LINES + 1)})
    repo.commit({"anything": "1\n"})

    found = told(run, str(repo.path))

    assert (found["whole"], found["needless"], found["missed"]) == (1, 0, 0)
