"""What a person is told whose settings are wrong: all of it, in their own words."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run


def problems(run: Run, **env: str) -> list[str]:
    said = run("settings", **env)
    assert said.exit_code == 1
    assert isinstance(said.exception, SystemExit), said.exception
    first, *rest = said.output.splitlines()
    return [it.strip() for it in rest] or [first.removeprefix("Error: settings: ")]


def test_every_problem_is_told_at_once(run: Run) -> None:
    told = problems(
        run,
        RELAUNCH_LISTN="x",
        RELAUNCH_BUILD_ATONCE="3",
        RELAUNCH_BUILD_ATTEMPTS="0",
        RELAUNCH_LISTEN="8080",
    )

    assert told == [
        "there is no RELAUNCH_BUILD_ATONCE; did you mean RELAUNCH_BUILD_AT_ONCE?",
        "there is no RELAUNCH_LISTN; did you mean RELAUNCH_LISTEN?",
        "RELAUNCH_LISTEN: '8080' is no address; expected host:port",
        "RELAUNCH_BUILD_ATTEMPTS: should be greater than or equal to 1",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="missing"),
        pytest.param(b"[build\n", "is no TOML: Expected ']'", id="malformed"),
        pytest.param(b"\xff\xfe", "is no text in UTF-8", id="not text"),
    ],
)
def test_a_config_file_that_cannot_be_read_is_told(
    run: Run, tmp_path: Path, content: bytes | None, told: str
) -> None:
    file = tmp_path / "relaunch.toml"
    if content is not None:
        file.write_bytes(content)

    (said,) = problems(run, RELAUNCH_CONFIG=str(file))

    assert said.startswith(f"{file} (RELAUNCH_CONFIG) {told}")


def test_a_folder_is_no_config_file(run: Run, tmp_path: Path) -> None:
    (said,) = problems(run, RELAUNCH_CONFIG=str(tmp_path))

    assert said == f"{tmp_path} (RELAUNCH_CONFIG) cannot be read: Is a directory"


def test_keys_of_the_config_file_are_told_with_the_nearest(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        'listn = "x"\nlook = 3\n[build]\nat_onse = 4\nattempts = 0\n[bild]\nx = 1\n'
    )

    assert problems(run, RELAUNCH_CONFIG=str(file)) == [
        f"{file}: there is no listn; did you mean listen?",
        f"{file}: look is a table; expected [look]",
        f"{file}: there is no [build] at_onse; did you mean at_once?",
        f"{file}: there is no [bild]; did you mean build?",
        f"{file}: [build] attempts: should be greater than or equal to 1",
    ]


def test_a_variable_wins_over_the_file_and_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[build]\nattempts = 5\n")

    (said,) = problems(run, RELAUNCH_CONFIG=str(file), RELAUNCH_BUILD_ATTEMPTS="0")

    assert said.startswith("RELAUNCH_BUILD_ATTEMPTS: should be greater")


@pytest.mark.parametrize("content", [None, b"\xff"], ids=["missing", "not text"])
def test_the_file_of_a_secret_is_told_and_nothing_of_it(
    run: Run, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    (said,) = problems(run, RELAUNCH_SECRET_KEY_FILE=str(file))

    assert said.startswith("RELAUNCH_SECRET_KEY_FILE: ")


@pytest.mark.parametrize("value", ["kubernetes", "{]"])
def test_what_is_no_json_is_no_traceback(run: Run, value: str) -> None:
    (said,) = problems(run, RELAUNCH_FORGE_KINDS=value)

    assert said.startswith("RELAUNCH_FORGE_KINDS: ")


@pytest.mark.parametrize("text", ["a.example, b.example", '["a.example","b.example"]'])
def test_several_names_are_separated_by_commas_or_a_list(run: Run, text: str) -> None:
    said = run("settings", RELAUNCH_REMOTE_ALLOW_PRIVATE=text)

    assert "RELAUNCH_REMOTE_ALLOW_PRIVATE=a.example,b.example\n" in said.output


@pytest.mark.parametrize("role", ["dev", "receive", "consume"])
def test_everything_that_lacks_is_asked_for_at_once(run: Run, role: str) -> None:
    said = run(role, RELAUNCH_BUILDER="kubernetes", RELAUNCH_TOKEN="")

    told = {"RELAUNCH_KUBERNETES_RUN_IMAGE", "RELAUNCH_KUBERNETES_TARGET"}
    if role != "dev":
        told |= {"RELAUNCH_DATABASE", "RELAUNCH_SECRET_KEY"}
    assert said.exit_code == 1
    assert all(it in said.output for it in told), said.output


def test_a_data_folder_that_cannot_be_used_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    said = run("dev", "--data", str(tmp_path / "file" / "data"))

    assert said.exit_code == 1
    assert said.output == (
        f"Error: the data folder {tmp_path}/file/data cannot be used: Not a directory; "
        "choose another with --data or RELAUNCH_DATA\n"
    )


def test_the_version_is_an_option_too(run: Run) -> None:
    said = run("--version")

    assert said.exit_code == 0
    assert said.output.startswith("relaunch ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lanucher"], "Did you mean 'launcher'?"),
        (["biulds"], "Did you mean 'builds' or 'rebuild'?"),
        (["add"], "Did you mean 'launcher add' or 'hook add'?"),
        (["rotate"], "Did you mean 'hook rotate'?"),
        (["hook", "retir"], "Did you mean 'retire'?"),
        (["--vresion"], "Did you mean '--version'?"),
        (["xyzzy"], "`relaunch --help` lists them"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_the_nearest_name_is_suggested(run: Run, words: list[str], told: str) -> None:
    said = run(*words)

    assert said.exit_code == 2
    assert told in said.output
