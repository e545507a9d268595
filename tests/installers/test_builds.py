"""A package's own build that fails has a cause, and the line that somebody can mend.

`builds/` holds what pip 26.3, uv 0.13.9 and poetry 1.8.3 printed when they installed
small projects whose builds fail, with other paths and without lists of files.
"""

from pathlib import Path

import pytest

from service.build_failures.build_output import find_cause
from service.build_failures.classify import classify
from service.domain.building.failure import Failure, FailureClass

SAID = Path(__file__).parent / "builds"
LOCAL = {"requirements.txt": "# idna 1.0\nidna==1.0\n-e .\n"}
TWO = {"requirements.txt": "six\n-e ./liba\n./libb\n"}
INDEX = {"requirements.txt": "# x\n--find-links /sd\nsix\nneedsmeta>=1\n"}
PROJECT = {
    "pyproject.toml": '[project]\nname = "demo"\n[build-system]\nrequires = []\n'
    'build-backend = "x"\n[tool.poetry.dependencies]\nlib = { path = "lib" }\n'
}

EARLY = "it ended with status 0 before it had built anything"
HEADER = "fatal error: nothere/nothere.h: No such file or directory"
NOTHING = (
    "ValueError: No distribution was found. Ensure that `setup.py` is not empty and"
    " that it calls `setup()`."
)


def classified(name: str, files: dict[str, str]) -> Failure:
    lines = (SAID / f"{name}.txt").read_text().splitlines()
    return classify(phase="build", lines=lines, code=1, files=files)


@pytest.mark.parametrize(
    ("name", "files", "place", "cause"),
    [
        ("pip_exception", LOCAL, "setup.py line 2", "RuntimeError: no gfortran found"),
        (
            "pip_exit_with_text",
            LOCAL,
            "requirements.txt line 2",
            "it ended with status 1: we need CUDA 12 to be installed",
        ),
        (
            "pip_signal",
            LOCAL,
            "requirements.txt line 2",
            "it was ended by signal 11 (SIGSEGV)",
        ),
        ("pip_exit_0", LOCAL, "requirements.txt line 2", EARLY),
        ("pip_header", LOCAL, "y.c line 1", HEADER),
        (
            "pip_dependency",
            INDEX,
            "requirements.txt line 4",
            "RuntimeError: no pg_config found",
        ),
        ("pip_two_projects", TWO, "libb/y.c line 1", HEADER),
        (
            "pip_second_project",
            TWO,
            "libb/setup.py line 2",
            "ModuleNotFoundError: No module named 'conf'",
        ),
        ("uv_own_exception", PROJECT, "setup.py line 3", "Nope"),
        (
            "uv_hatch_hook",
            PROJECT,
            "hatch_build.py line 5",
            "RuntimeError: no gfortran found",
        ),
        ("uv_exit_0", PROJECT, "pyproject.toml line 5", NOTHING),
        ("uv_exit_0_early", PROJECT, "pyproject.toml line 5", EARLY),
        (
            "poetry_script",
            PROJECT,
            "build.py line 2",
            "RuntimeError: no gfortran found",
        ),
        ("poetry_syntax", PROJECT, "build.py line 2", "SyntaxError: invalid syntax"),
        (
            "poetry_path",
            PROJECT,
            "lib/setup.py line 2",
            "RuntimeError: no gfortran found",
        ),
    ],
)
def test_a_build_that_fails_has_its_cause_and_its_line(
    name: str, files: dict[str, str], place: str, cause: str
) -> None:
    failure = classified(name, files)

    assert failure.kind is FailureClass.WHEEL_BUILD_FAILED
    assert failure.message.startswith(f"{place}: ")
    assert failure.message.endswith(f": {cause}")
    assert place == f"{failure.path} line {failure.line}"


@pytest.mark.parametrize(
    ("name", "files", "hint"),
    [
        ("pip_exception", LOCAL, ""),
        ("pip_header", LOCAL, "builds do not have nothere/nothere.h; "),
        ("pip_second_project", TWO, "add the package of conf there"),
    ],
)
def test_a_hint_is_about_the_project_and_no_release_of_it(
    name: str, files: dict[str, str], hint: str
) -> None:
    failure = classified(name, files)

    assert hint in failure.hint
    assert ("release" in failure.hint) == (name == "pip_header")


@pytest.mark.parametrize(
    ("lines", "message", "path", "line"),
    [
        ("Traceback (most recent call last):", "", "", None),
        ("collect2: error: ld returned 1 exit status", "", "", None),
        (
            (
                "/usr/bin/ld: cannot find -lxyz: No such file or directory\n"
                "collect2: error: ld returned 1 exit status\n"
                "error: command '/usr/bin/gcc' failed with exit code 1"
            ),
            "cannot find -lxyz: No such file or directory",
            "",
            None,
        ),
        (
            (
                "  + Exception Group Traceback (most recent call last):\n"
                '  |   File "/b/source/setup.py", line 7, in <module>\n'
                "  | ExceptionGroup: many (2 sub-exceptions)\n"
                "  +-+---------------- 1 ----------------\n    | ValueError: one"
            ),
            "ExceptionGroup: many (2 sub-exceptions)",
            "/b/source/setup.py",
            7,
        ),
    ],
)
def test_what_a_build_printed_is_read_to_its_cause(
    lines: str, message: str, path: str, line: int | None
) -> None:
    cause = find_cause(f"  [1 lines of output]\n{lines}\n  [end of output]\n")

    assert message in cause.message
    assert (cause.path, cause.line) == (path, line)
