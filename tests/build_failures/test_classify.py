"""What tools say, and what it means."""

import pytest

from service.build_failures.classify import classify
from service.domain.building.failure import Failure, FailureClass as C
from tests.installers.said import (
    CONDA_CLASH,
    PIP_BUILD,
    PIP_CONFLICT,
    PIP_GIT,
    PIP_HASH,
    PIP_KILLED,
    PIP_MARKER,
    PIP_NO_FILE,
    PIP_OTHER_PYTHON,
    PIP_RETRIED,
    PIP_SYNTAX,
    PIP_UNREACHABLE,
    POETRY_CONFLICT,
    POETRY_NETWORK,
    POETRY_PYTHON,
    UV_BUILD,
    UV_LOCK,
    UV_NETWORK,
)

FILES = {
    "requirements.txt": "# six is old\nSix==99.0\nnumpy==2.4.0\nrequests==2.31.0\n"
    "-r nope.txt\n./nope\nsix=1.0\nfoo; python_version <<< '3'\n--nope-option\n",
    "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.10"\nalpha = "9.0"\n',
}


def classified(said: str, *, phase: str = "build", code: int = 1) -> Failure:
    return classify(phase=phase, lines=said.splitlines(), code=code, files=FILES)


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        pytest.param(
            "ERROR: Could not find a version that satisfies the requirement "
            "six==99.0 (from versions: 0.9.0, 1.17.0)",
            C.NO_SUCH_VERSION,
            "requirements.txt line 2: there is no version that fits `six==99.0`",
            id="pip: no such version",
        ),
        pytest.param(
            "ERROR: Could not find a version that satisfies the requirement "
            "nosuchpkg-xyz>1 (from versions: none)",
            C.NO_SUCH_PACKAGE,
            "there is no package `nosuchpkg-xyz` in the index",
            id="pip: no such package, needed by another",
        ),
        pytest.param(
            PIP_RETRIED,
            C.NO_SUCH_PACKAGE,
            "there is no package `gone` in the index",
            id="pip: a retry that worked is no reason",
        ),
        pytest.param(
            PIP_UNREACHABLE,
            C.NETWORK,
            "a server could not be reached, or did not answer as it should: 127.0.0.1",
            id="pip: no index, so no package",
        ),
        pytest.param(
            PIP_CONFLICT,
            C.CONFLICT,
            "requirements.txt line 4: requirements exclude each other: The user "
            "requested urllib3==1.21, but "
            "requests 2.31.0 depends on urllib3<3 and >=1.21.1",
            id="pip: conflict",
        ),
        pytest.param(
            PIP_OTHER_PYTHON,
            C.UNSUPPORTED_PYTHON,
            "requirements.txt line 3: `numpy==2.4.0` needs Python >=3.11, and the "
            "environment has another",
            id="pip: another Python",
        ),
        pytest.param(
            PIP_SYNTAX,
            C.BAD_DEFINITION,
            "requirements.txt line 7: `six=1.0` is not a requirement: Expected "
            "semicolon (after name with no version specifier) or end",
            id="pip: syntax",
        ),
        pytest.param(
            PIP_NO_FILE,
            C.BAD_DEFINITION,
            "requirements.txt line 6: `./nope` names a file that is not there",
            id="pip: no such path",
        ),
        pytest.param(
            PIP_MARKER,
            C.BAD_DEFINITION,
            "requirements.txt line 8: `foo` is not a requirement: Expected a marker "
            "variable or quoted string",
            id="pip: bad marker",
        ),
        pytest.param(
            "ERROR: Could not open requirements file: [Errno 2] No such file or "
            "directory: '/r/source/nope.txt'",
            C.BAD_DEFINITION,
            "requirements.txt line 5: the included file `nope.txt` is not there",
            id="pip: no such include",
        ),
        pytest.param(
            PIP_HASH,
            C.BAD_DEFINITION,
            "requirements.txt line 2: the hash of `six==1.16.0` is not that of the "
            "file in the index",
            id="pip: hash",
        ),
        pytest.param(
            PIP_GIT,
            C.NETWORK,
            "a server could not be reached, or did not answer as it should: "
            "no-such-host.invalid",
            id="pip: a requirement from git, no host",
        ),
        pytest.param(
            PIP_BUILD.format(error="RuntimeError: no gfortran found"),
            C.WHEEL_BUILD_FAILED,
            "`bad` could not be built: RuntimeError: no gfortran found",
            id="pip: build of a wheel",
        ),
        pytest.param(
            PIP_BUILD.format(error="OSError: [Errno 28] No space left on device"),
            C.OUT_OF_DISK,
            "the builder's disk is full",
            id="pip: disk full inside a build",
        ),
        pytest.param(
            PIP_BUILD.format(error="MemoryError"),
            C.OUT_OF_MEMORY,
            "the memory ran out",
            id="pip: memory inside a build",
        ),
        pytest.param(
            PIP_KILLED, C.OUT_OF_MEMORY, "the memory ran out", id="pip: build killed"
        ),
        pytest.param(
            "Because x depends on nosuch (*) which doesn't match any versions, "
            "version solving failed.",
            C.NO_SUCH_PACKAGE,
            "there is no package `nosuch` in the index",
            id="poetry: no such package",
        ),
        pytest.param(
            "Because x depends on alpha (9.0) which doesn't match any versions, "
            "version solving failed.",
            C.NO_SUCH_VERSION,
            "pyproject.toml line 3: there is no version of `alpha` that fits 9.0",
            id="poetry: no such version",
        ),
        pytest.param(
            POETRY_CONFLICT,
            C.CONFLICT,
            "pyproject.toml line 3: requirements exclude each other: Because no "
            "versions of beta match !=1.0 "
            "and beta (1.0) depends on alpha (<2), every version of beta requires "
            "alpha (<2). So, because x depends on both alpha (2.0) and beta (*)",
            id="poetry: conflict",
        ),
        pytest.param(
            POETRY_PYTHON,
            C.UNSUPPORTED_PYTHON,
            "`new` needs Python >=3.14, and the project allows >=3.10,<4.0",
            id="poetry: another Python is needed",
        ),
        pytest.param(
            "Current Python version (3.10.13) is not allowed by the project (^3.12).\n"
            'Please change python executable via the "env use" command.',
            C.UNSUPPORTED_PYTHON,
            "the project allows Python ^3.12, and the environment has 3.10.13",
            id="poetry: another Python is there",
        ),
        pytest.param(
            "pyproject.toml changed significantly since poetry.lock was last "
            "generated. Run `poetry lock [--no-update]` to fix the lock file.",
            C.STALE_LOCK,
            "poetry.lock line 1: poetry.lock does not belong to this pyproject.toml",
            id="poetry: stale lock",
        ),
        pytest.param(
            "Unable to read the lock file (Invalid statement (at line 1, column 1)).",
            C.STALE_LOCK,
            "poetry.lock line 1: poetry.lock cannot be read: "
            "Invalid statement (at line 1, column 1)",
            id="poetry: broken lock",
        ),
        pytest.param(
            "The Poetry configuration is invalid:\n  - The fields ['authors', "
            "'description', 'version'] are required in package mode.",
            C.BAD_DEFINITION,
            "pyproject.toml line 1: pyproject.toml is no Poetry project: "
            "The fields ['authors', 'description', 'version'] are required in "
            "package mode.",
            id="poetry: invalid",
        ),
        pytest.param(
            "[tool.poetry] section not found in /r/source/pyproject.toml",
            C.BAD_DEFINITION,
            "pyproject.toml line 1: pyproject.toml has no "
            "[tool.poetry] table, which this Poetry needs",
            id="poetry: no table",
        ),
        pytest.param(
            "Could not parse version constraint: ==1x.y",
            C.BAD_DEFINITION,
            "pyproject.toml line 1: `==1x.y` is no version",
            id="poetry: no version",
        ),
        pytest.param(
            POETRY_NETWORK,
            C.NETWORK,
            "a server could not be reached, or did not answer as it should: 127.0.0.1",
            id="poetry: network",
        ),
        pytest.param(
            "Expecting value: line 1 column 1 (char 0)",
            C.NETWORK,
            "a server could not be reached, or did not answer as it should",
            id="poetry: the index answers with something else",
        ),
        pytest.param(
            "error: No interpreter found for Python >=3.14 in managed installations "
            "or search path",
            C.UNSUPPORTED_PYTHON,
            "pyproject.toml line 1: the project wants Python >=3.14, which this "
            "machine does not have",
            id="uv: no Python",
        ),
        pytest.param(
            UV_LOCK,
            C.STALE_LOCK,
            "uv.lock line 1: uv.lock cannot be read",
            id="uv: broken lock",
        ),
        pytest.param(
            "error: Unable to find lockfile at `uv.lock`, but `--frozen` was provided.",
            C.STALE_LOCK,
            "uv.lock line 1: uv.lock does not belong to this pyproject.toml",
            id="uv: no lock",
        ),
        pytest.param(
            UV_BUILD,
            C.WHEEL_BUILD_FAILED,
            "`bad` could not be built: RuntimeError: no gfortran",
            id="uv: build",
        ),
        pytest.param(
            UV_BUILD.replace("RuntimeError: no gfortran", ""),
            C.WHEEL_BUILD_FAILED,
            "`bad` could not be built: The build backend returned an error",
            id="uv: build, silent backend",
        ),
        pytest.param(
            UV_NETWORK,
            C.NETWORK,
            "a server could not be reached, or did not answer as it should: "
            "127.0.0.1:9",
            id="uv: network",
        ),
        pytest.param(
            CONDA_CLASH,
            C.CONFLICT,
            "`words 1.0.*` and `words 2.1.*` exclude each other",
            id="conda: two pins",
        ),
        pytest.param(
            "something nobody has seen\nhint: read the log\n\n",
            C.UNKNOWN,
            "the build failed: something nobody has seen",
            id="unknown",
        ),
        pytest.param(
            "", C.UNKNOWN, "the build failed: it printed nothing", id="silence"
        ),
    ],
)
def test_what_a_tool_said_becomes_a_sentence(said: str, kind: C, message: str) -> None:
    failure = classified(said)

    assert (failure.kind, failure.message) == (kind, message)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        pytest.param(
            "fatal: could not read Username for 'https://localhost': terminal prompts "
            "disabled",
            C.CLONE_FAILED,
            id="private",
        ),
        pytest.param(
            "fatal: unable to access 'https://localhost/o/n/': Could not resolve host: "
            "localhost",
            C.NETWORK,
            id="no host",
        ),
        pytest.param(
            "fatal: remote error: upload-pack: not our ref 1111111111",
            C.CLONE_FAILED,
            id="no commit",
        ),
    ],
)
def test_what_git_said_says_whether_it_passes(said: str, kind: C) -> None:
    assert classified(said, phase="clone").kind is kind


def test_a_tool_that_was_killed_ran_out_of_memory() -> None:
    assert classified("Collecting torch", code=-9).kind is C.OUT_OF_MEMORY


def test_what_the_builder_installs_for_itself_is_not_the_users_fault() -> None:
    said = "ERROR: Could not find a version that satisfies the requirement poetry==0 "
    failure = classified(f"{said}(from versions: none)", phase="restore")

    assert failure.kind is C.INTERNAL


def test_a_place_is_the_line_that_asks_not_a_comment() -> None:
    failure = classified(
        "ERROR: Could not find a version that satisfies the requirement six==99.0 "
        "(from versions: 1.0)"
    )

    assert (failure.path, failure.line) == ("requirements.txt", 2)


ENVIRONMENT = """\
dependencies:
  - python=3.11
  - pip
  - pip:  # the last section counts
    - numpy
  - "pip":
      # for the course

      - -r more.txt
      - six; python_version <<< '3'
  - scipy
"""


@pytest.mark.parametrize(
    ("named", "line", "found"),
    [
        (".environment.yml.pip.txt", 2, 10),
        ("/work/condaenv.k2x8_1.requirements.txt", 1, 9),
        (".environment.yml.pip.txt", 9, None),
    ],
)
def test_a_line_of_the_pip_part_is_the_one_of_the_environment(
    named: str, line: int, found: int | None
) -> None:
    said = f"ERROR: Invalid requirement: '-': invalid (from line {line} of {named})"

    files = {"environment.yml": ENVIRONMENT}
    failure = classify(phase="install", lines=[said], code=1, files=files)

    assert (failure.path, failure.line) == ("environment.yml", found), failure
