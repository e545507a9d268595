"""What a person is told whose settings are wrong: all of it, in their own words."""

from pathlib import Path

import pytest

from service.settings import Settings
from service.settings.renamed import RENAMED_SETTINGS
from tests.cli.conftest import Run


def problems(run: Run, **env: str) -> list[str]:
    said = run("settings", **env)
    assert said.exit_code == 1
    assert isinstance(said.exception, SystemExit), said.exception
    first, *rest = said.output.splitlines()
    return [text.strip() for text in rest] or [first.removeprefix("Error: settings: ")]


def test_every_problem_is_told_at_once(run: Run) -> None:
    told = problems(
        run,
        RELAUNCH_LISTN="x",
        RELAUNCH_BUILD_ATEMPTS="3",
        RELAUNCH_BUILD_ATTEMPTS="0",
        RELAUNCH_LISTEN="8080",
    )

    assert told == [
        "there is no RELAUNCH_BUILD_ATEMPTS; did you mean RELAUNCH_BUILD_ATTEMPTS?",
        "there is no RELAUNCH_LISTN; did you mean RELAUNCH_LISTEN?",
        "RELAUNCH_LISTEN: '8080' is no address; expected host:port",
        "RELAUNCH_BUILD_ATTEMPTS: should be greater than or equal to 1",
    ]


def test_every_old_name_of_a_setting_is_answered_with_the_new_one(run: Run) -> None:
    variables = {
        f"RELAUNCH_{old}": f"RELAUNCH_{new}" for old, new in _renamed_variables()
    }

    assert set(problems(run, **dict.fromkeys(variables, "1"))) == {
        f"{old} is now {new}" for old, new in variables.items()
    }


def test_old_names_are_answered_in_a_config_file_and_as_files_of_a_value(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[look]\nquiet = "2s"\ncalm = 1\n[build]\nat_once = 4\n')

    assert problems(
        run, RELAUNCH_CONFIG=str(file), RELAUNCH_FORGE_SPARE_FILE=str(file)
    ) == [
        "RELAUNCH_FORGE_SPARE_FILE is now RELAUNCH_FORGE_RATE_LIMIT_RESERVE_FILE",
        f"{file}: [look] quiet is now [evaluation] debounce",
        f"{file}: there is no [look] calm",
        f"{file}: [build] at_once is now [build] max_concurrent",
    ]


def test_the_name_of_a_variable_is_no_key_of_the_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('build_attempts = 4\nlook_quiet = "2s"\n')

    assert problems(run, RELAUNCH_CONFIG=str(file)) == [
        f"{file}: there is no build_attempts; expected [build] attempts",
        f"{file}: there is no look_quiet; expected [evaluation] debounce",
    ]


def test_every_new_name_of_a_setting_is_one() -> None:
    new = {f"RELAUNCH_{new}" for _, new in _renamed_variables()}

    assert new <= set(Settings.variables())


def _renamed_variables() -> list[tuple[str, str]]:
    return [
        ("_".join(old).upper(), "_".join(new).upper())
        for old, new in RENAMED_SETTINGS.items()
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
        'listn = "x"\nsweep = 3\n[build]\nmax_concurent = 4\nattempts = 0\n'
        "[bild]\nx = 1\n"
    )

    assert problems(run, RELAUNCH_CONFIG=str(file)) == [
        f"{file}: there is no listn; did you mean listen?",
        f"{file}: sweep is a table; expected [sweep]",
        f"{file}: there is no [build] max_concurent; did you mean max_concurrent?",
        f"{file}: there is no [bild]; did you mean build?",
        f"{file}: [build] attempts: should be greater than or equal to 1",
    ]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SWEEP_INTERVAL", "often", "expected a duration, such as 30s, 15m, 2h or 1d"),
        (
            "SWEEP_INTERVAL",
            "15 minutes",
            "expected a duration, such as 30s, 15m, 2h or 1d",
        ),
        (
            "DATABASE",
            "mysql://x",
            "expected a URL that begins with sqlite:// or postgresql://",
        ),
        ("BUS", "kafka://x", "expected a URL that begins with amqp:// or amqps://"),
        ("PUBLIC_URL", "foo", "'foo' is no URL; expected https://host"),
        ("PUBLIC_URL", "https://", "'https://' is no URL; expected https://host"),
    ],
)
def test_a_value_that_is_none_is_told_with_what_is_expected(
    run: Run, name: str, value: str, told: str
) -> None:
    variable = f"RELAUNCH_{name}"

    assert problems(run, **{variable: value}) == [f"{variable}: {told}"]


@pytest.mark.parametrize("value", ["PT15M", "900", "900s", "15m", "0.25h"])
def test_durations_are_read_in_several_spellings(run: Run, value: str) -> None:
    said = run("settings", RELAUNCH_SWEEP_INTERVAL=value)

    assert "RELAUNCH_SWEEP_INTERVAL=15m\n" in said.output


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


@pytest.mark.parametrize("role", ["dev", "receive", "api", "consume"])
def test_everything_that_lacks_is_asked_for_at_once(run: Run, role: str) -> None:
    said = run(role, RELAUNCH_BUILDER="kubernetes", RELAUNCH_TOKEN="")

    told = {"RELAUNCH_KUBERNETES_RUN_IMAGE", "RELAUNCH_KUBERNETES_TARGET"}
    if role != "dev":
        told |= {"RELAUNCH_DATABASE", "RELAUNCH_SECRET_KEY"}
    assert said.exit_code == 1
    assert all(text in said.output for text in told), said.output


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
        (["add"], "Did you mean 'launcher add', 'environment add', 'hook add' or "),
        (["rotate"], "Did you mean 'rotate-key', 'migrate' or 'hook rotate'?"),
        (["hook", "retir"], "Did you mean 'relaunch hook retire'?"),
        (["--vresion"], "Did you mean '--version'?"),
        (["xyzzy"], "`relaunch --help` lists them"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_the_nearest_name_is_suggested(run: Run, words: list[str], told: str) -> None:
    said = run(*words)

    assert said.exit_code == 2
    assert told in said.output
