"""`relaunch check` over real folders and repositories; no service runs."""

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.repositories import a_repository, commit, git


def test_a_folder_is_read_as_it_is_now(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r more.txt\nsix\n")
    (tmp_path / "more.txt").write_text("iniconfig==2.0.0\n")

    said = run("check", str(tmp_path))

    assert said.exit_code == 0, said.output
    assert "requirements.txt defines the environment (pip)." in said.output
    assert "more.txt" in said.output


def test_its_json_names_the_definition_the_closure_and_the_findings(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("six\n")

    told = json.loads(run("check", str(tmp_path), "-o", "json").output)

    assert told["definition"]["kind"] == "pip"
    assert len(told["definition"]["fingerprint"]) == 64
    assert "requirements.txt" in {item["path"] for item in told["closure"]}
    assert all(finding["code"] and finding["message"] for finding in told["findings"])


def test_nothing_to_build_from_fails(run: Run, tmp_path: Path) -> None:
    said = run("check", str(tmp_path))

    assert said.exit_code == 1
    assert "No environment:" in said.output


def test_what_would_fail_the_build_fails_the_check(run: Run, tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text(
        "channels: [defaults]\ndependencies: [python]\n"
    )

    said = run("check", str(tmp_path))
    told = json.loads(run("check", str(tmp_path), "-o", "json").output)

    assert said.exit_code == 1
    assert "error environment.yml" in said.output
    assert told["findings"][0]["severity"] == "error"


def test_a_definition_may_lie_in_a_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "week" / "one").mkdir(parents=True)
    (tmp_path / "week" / "one" / "requirements.txt").write_text("six\n")

    assert run("check", str(tmp_path)).exit_code == 1
    said = run("check", str(tmp_path), "--context-dir", "week/one/")
    assert said.exit_code == 0, said.output


def test_a_revision_is_read_out_of_the_repository(run: Run, tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "course")
    commit(repository, "one", requirements__txt="six\n")
    git(repository, "tag", "v1")
    commit(repository, "two", requirements__txt=None)

    by_url = run("check", repository.as_uri(), "--revision", "v1")
    by_path = run("check", str(repository), "--revision", "v1")

    assert by_url.exit_code == 0, by_url.output
    assert by_path.output == by_url.output
    assert run("check", repository.as_uri()).exit_code == 1


def test_a_revision_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "course")
    commit(repository, "one", a="1")

    said = run("check", repository.as_uri(), "--revision", "v9")

    assert said.exit_code == 1
    assert "refs/tags/v9" in said.output


def test_a_place_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    said = run("check", str(tmp_path / "nowhere"))

    assert said.exit_code == 1
    assert "neither a folder nor a URL" in said.output


def test_hostile_names_do_not_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r \x1b[31mred.txt\n")

    said = run("check", str(tmp_path))

    assert "\x1b" not in said.output
