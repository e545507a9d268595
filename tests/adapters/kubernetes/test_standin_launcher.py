"""The stand-in's launcher is as strict as the lifecycle's; else nothing is shown."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.standin.launcher import TAKEN_AWAY
from tests.support.standin_files import ImageFiles

PROGRAM = """\
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]))
"""
SHOW = ("python", "-c", PROGRAM)


@pytest.fixture
def image(tmp_path: Path) -> ImageFiles:
    return ImageFiles(root=tmp_path)


def run(
    image: ImageFiles, *command: str, **changes: str | None
) -> subprocess.CompletedProcess[str]:
    environment = {**image.environment, **changes}
    return subprocess.run(
        command,
        env={name: value for name, value in environment.items() if value is not None},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def shown(
    done: subprocess.CompletedProcess[str],
) -> tuple[list[str], str, dict[str, str]]:
    assert done.returncode == 0, done.stderr
    arguments, folder, environment = json.loads(done.stdout.splitlines()[-1])
    return arguments, folder, environment


def test_what_is_started_has_none_of_the_platforms_variables(image: ImageFiles) -> None:
    program = image.process("web", *SHOW)
    _, folder, environment = shown(run(image, program, CNB_DEPRECATION_MODE="quiet"))

    assert not TAKEN_AWAY & set(environment)
    assert "/cnb/process" not in environment["PATH"]
    assert "/cnb/lifecycle" not in environment["PATH"]
    assert folder == str(image.app)


def test_a_launcher_in_a_launcher_does_not_start(image: ImageFiles) -> None:
    program = image.process("web", *SHOW)
    done = run(image, str(image.launcher), "--", program)

    assert done.returncode == 11
    assert "please set 'CNB_PLATFORM_API'" in done.stdout


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"CNB_PLATFORM_API": None}, 11, "failed to get platform API version"),
        ({"CNB_PLATFORM_API": "0.6"}, 11, "failed to set platform API"),
        ({"CNB_LAYERS_DIR": "/nowhere"}, 1, "failed to read metadata"),
        ({"CNB_APP_DIR": "/nowhere"}, 82, "change to app directory"),
    ],
)
def test_nothing_starts_where_the_platform_is_wrong(
    image: ImageFiles, change: dict[str, str | None], code: int, said: str
) -> None:
    done = run(image, image.process("web", *SHOW), **change)

    assert done.returncode == code
    assert said in done.stdout


def test_a_buildpack_of_an_unknown_api_starts_nothing(image: ImageFiles) -> None:
    done = run(image, image.process("web", *SHOW, api="0.99"))

    assert done.returncode == 12
    assert "failed to set API for buildpack 'a/b'" in done.stdout


def test_without_a_default_process_a_command_is_required(image: ImageFiles) -> None:
    image.process("web", *SHOW)
    done = run(image, str(image.launcher))

    assert done.returncode == 82
    assert "when there is no default process a command is required" in done.stdout


def test_a_command_after_two_dashes_starts_directly(image: ImageFiles) -> None:
    image.process("web", *SHOW)
    arguments, *_ = shown(run(image, str(image.launcher), "--", *SHOW, "$HOME"))

    assert arguments == ["$HOME"]


def test_a_command_without_dashes_passes_through_bash(image: ImageFiles) -> None:
    image.layer("profile", {"profile.d/one.sh": "export FROM_PROFILE=1\n"})
    image.process("web", *SHOW)
    done = run(image, str(image.launcher), 'printf "%s" "$FROM_PROFILE$0"')

    assert done.stdout.startswith("1")


def test_a_program_that_is_not_there_is_named(image: ImageFiles) -> None:
    done = run(image, image.process("web", "no-such-program"))

    assert done.returncode == 82
    assert '"no-such-program": executable file not found' in done.stdout


def test_arguments_take_the_place_of_those_that_may_be_changed(
    image: ImageFiles,
) -> None:
    program = image.describe("web", command=[*SHOW, "always"], args=["changed"])

    assert shown(run(image, program))[0] == ["always", "changed"]
    assert shown(run(image, program, "mine"))[0] == ["always", "mine"]


def test_layers_change_variables_by_the_names_of_their_files(image: ImageFiles) -> None:
    layer = image.layer(
        "one",
        {
            "bin/tool": "#!/bin/sh\n",
            "env/ONE": "1",
            "env.launch/TWO.default": "2",
            "env.launch/HOME.default": "/nowhere",
            "env.launch/THREE.append": "b",
            "env.launch/THREE.delim": ":",
            "env.launch/web/FOUR.override": "4",
            "env.launch/other/FOUR.override": "5",
            "env.build/FIVE.override": "5",
        },
    )
    program = image.process("web", *SHOW)
    _, _, environment = shown(run(image, program, THREE="a"))

    assert environment["PATH"].startswith(f"{layer}/bin:")
    assert [environment.get(each) for each in ("ONE", "TWO", "THREE", "FOUR")] == [
        *("1", "2", "a:b", "4")
    ]
    assert environment["HOME"] == str(image.root)
    assert "FIVE" not in environment


def test_scripts_give_variables_by_their_third_descriptor(image: ImageFiles) -> None:
    script = "#!/bin/sh\necho said; echo \"GIVEN = '$ONE'\" >&3\n"
    image.layer("one", {"env/ONE": "1", "exec.d/a": script})
    done = run(image, image.process("web", *SHOW))

    assert done.stdout.startswith("said\n")
    assert shown(done)[2]["GIVEN"] == "1"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\nexit 3\n", "exit status 3"),
        ("#!/bin/sh\necho no toml >&3\n", "failed to decode output"),
        ("echo no program\n", "exec format error"),
    ],
)
def test_a_script_that_fails_starts_nothing(
    image: ImageFiles, script: str, said: str
) -> None:
    layer = image.layer("one", {"exec.d/a": script})
    (layer / "exec.d" / "a").chmod(0o755)
    done = run(image, image.process("web", *SHOW))

    assert done.returncode == 82
    assert said in done.stdout
    assert f"{layer}/exec.d/a" in done.stdout


def test_a_sessions_scripts_run_once_on_its_volume(image: ImageFiles) -> None:
    image.build("none")

    assert run(image, str(image.launcher), "--", *SHOW).returncode == 0
    again = run(image, str(image.launcher), "--", *SHOW)
    assert again.returncode == 82
    assert "exec.d ran before on this volume" in again.stderr
