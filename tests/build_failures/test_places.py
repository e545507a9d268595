"""Whatever a tool refuses in a definition has a class, a file and a line.

What pip 26.3, uv 0.13.9 and poetry 1.8.3 really said, shortened.
"""

# ruff: noqa: E501, ISC004, RUF001 - lines are the tools' own

import pytest

from service.build_failures.classify import classify
from service.build_failures.package_origin import find_origin
from service.domain.building.failure import FailureClass as C

FILES = {
    "requirements.txt": """\
idna[x]
-c limits.txt
./lib
six==1.17.0
six==1.16.0
--no-require-hashes
six; os_name ~= 'x'
x @ file:///x/six
hg+https://x.invalid/r#egg=r
six[a,]
./a-1-py3-none-any.whl
--no-index=1
'six'
-c=b.txt
-e file:///x/lib
./x.zip
six @ ./src
file:///x/y.tar.gz
ftp://x.invalid/z.zip
quoted --hash='sha256:a
caf\ufffd
""",
    "limits.txt": "six<2\nidna[x]\n-e ./lib\nhttps://x.invalid/a.zip\n",
    "pyproject.toml": """\
[project]
name = "demo"
requires-python = ">=3.99"
[build-system]
build-backend = "nope"
[tool]
poetry = 1
[tool.uv.workspace]
members = ["lib"]
""",
    "uv.lock": "version = 1\nsupported-markers = [\"sys_platform == 'win32'\"]\n",
    "uv.toml": 'offline = true\nmanaged = false\ncache-dir = ""\n',
}
REFUSALS = [
    ("ERROR: Constraints cannot have extras", C.BAD_DEFINITION, "limits.txt", 2),
    (
        "ERROR: Editable requirements are not allowed as constraints",
        C.BAD_DEFINITION,
        "limits.txt",
        3,
    ),
    (
        "ERROR: Unnamed requirements are not allowed as constraints",
        C.BAD_DEFINITION,
        "limits.txt",
        4,
    ),
    (
        "ERROR: Directory './lib' is not installable. Neither 'setup.py' nor"
        " 'pyproject.toml' found.",
        C.BAD_DEFINITION,
        "requirements.txt",
        3,
    ),
    (
        "ERROR: Cannot install six==1.16.0 and six==1.17.0 because these package"
        " versions have conflicting dependencies.\nERROR: ResolutionImpossible: for"
        " help visit https://pip.pypa.io/",
        C.CONFLICT,
        "requirements.txt",
        4,
    ),
    (
        "ERROR: --require-hashes and --no-require-hashes are mutually exclusive",
        C.BAD_DEFINITION,
        "requirements.txt",
        6,
    ),
    (
        "pip._vendor.packaging.markers.UndefinedComparison: Undefined <Op('~=')> on"
        " 'posix' and 'x'.",
        C.BAD_DEFINITION,
        "requirements.txt",
        7,
    ),
    (
        "Processing /x/six (from -r requirements.txt (line 8))\nERROR: Could not install"
        " packages due to an OSError: [Errno 2] No such file or directory: '/x/six'",
        C.FOREIGN_PATH,
        "requirements.txt",
        8,
    ),
    (
        "Processing /x/y.tar.gz\nERROR: Could not install packages due to an OSError:"
        " [Errno 2] No such file or directory: '/x/y.tar.gz'",
        C.FOREIGN_PATH,
        "requirements.txt",
        18,
    ),
    (
        "Processing ./x.zip\nERROR: Exception:\nTraceback (most recent call last):\n"
        + 60 * f"  File {'/venv' * 20}/pip/_internal/utils/unpacking.py, line 1, in f\n"
        + "zipfile.BadZipFile: File is not a zip file",
        C.BAD_DEFINITION,
        "requirements.txt",
        16,
    ),
    (
        "ERROR: Could not install packages due to an OSError: No connection adapters"
        " were found for 'ftp://x.invalid/z.zip'",
        C.BAD_DEFINITION,
        "requirements.txt",
        19,
    ),
    (
        "ERROR: Invalid requirement: quoted --hash='sha256:a\nCould not split options:"
        " --hash='sha256:a",
        C.BAD_DEFINITION,
        "requirements.txt",
        20,
    ),
    (
        '  File "/venv/pip/_internal/req/req_file.py", line 622, in _decode_req_file\n'
        "    return data.decode(locale_encoding)\n           ^^^^^^^\nUnicodeDecodeError:"
        " 'utf-8' codec can't decode byte 0xe9 in position 5: invalid continuation byte",
        C.BAD_DEFINITION,
        "requirements.txt",
        21,
    ),
    (
        "error: Two workspace members are both named `demo`: `/b/source` and"
        " `/b/source/lib`",
        C.BAD_DEFINITION,
        "pyproject.toml",
        9,
    ),
    (
        "error: failed to read from file `/b/source/uv.toml`: stream did not contain"
        " valid UTF-8",
        C.BAD_DEFINITION,
        "uv.toml",
        1,
    ),
    (
        "error: Failed to download `six==1.17.0`\n  cause: Failed to read from the"
        " distribution cache\n  cause: failed to query metadata of file"
        " `/b/source/wheels/six-1.17.0-py3-none-any.whl`: No such file or directory"
        " (os error 2)",
        C.BAD_DEFINITION,
        "requirements.txt",
        4,
    ),
    (
        "error: The requested interpreter resolved to Python 3.11.7, which is"
        " incompatible with the project's Python requirement: `>=3.99` (from"
        " `project.requires-python`)",
        C.UNSUPPORTED_PYTHON,
        "pyproject.toml",
        3,
    ),
    (
        "Collecting r\nERROR: Cannot find command 'hg' - do you have 'hg' installed",
        C.BAD_DEFINITION,
        "requirements.txt",
        9,
    ),
    (
        "packaging.requirements.InvalidRequirement: Expected extra name after comma\n"
        "    placeholder[a,]\n               ^",
        C.BAD_DEFINITION,
        "requirements.txt",
        10,
    ),
    (
        "ERROR: Wheel 'a' located at /b/source/a-1-py3-none-any.whl is invalid.",
        C.BAD_DEFINITION,
        "requirements.txt",
        11,
    ),
    (
        "error: Failed to parse `uv.toml`. The `managed` field is not allowed in a"
        " `uv.toml` file. `managed` is only applicable in the context of a project",
        C.BAD_DEFINITION,
        "uv.toml",
        2,
    ),
    ("error: cannot make an empty path absolute", C.BAD_DEFINITION, "uv.toml", 3),
    (
        "error: The current Python platform is not compatible with the lockfile's"
        " supported environments: `sys_platform == 'win32'`",
        C.STALE_LOCK,
        "uv.lock",
        2,
    ),
    (
        "error: Failed to parse `uv.lock`\n  cause: TOML parse error at line 1, column 5",
        C.STALE_LOCK,
        "uv.lock",
        1,
    ),
    (
        "error: No interpreter found for Python >=3.99 in managed installations or"
        " search path",
        C.UNSUPPORTED_PYTHON,
        "pyproject.toml",
        3,
    ),
    (
        "error: No interpreter found for PyPy 3.10 in managed installations or search",
        C.UNSUPPORTED_PYTHON,
        "pyproject.toml",
        3,
    ),
    (
        "error: Found conflicting Python requirements:\n- demo: <3.9, >=3.10",
        C.UNSUPPORTED_PYTHON,
        "pyproject.toml",
        3,
    ),
    (
        "error: Invalid version request: Python <3.6 is not supported but 2.7 was"
        " requested.",
        C.UNSUPPORTED_PYTHON,
        "pyproject.toml",
        3,
    ),
    (
        "\n× Cannot import build backend 'nope'.\n╰─> Cannot find module 'nope'",
        C.BAD_DEFINITION,
        "pyproject.toml",
        5,
    ),
    (
        "Usage: __main__.py [options]\n\nERROR: Invalid requirement: --no-index=1\n"
        "__main__.py: error: --no-index option does not take a value",
        C.BAD_DEFINITION,
        "requirements.txt",
        12,
    ),
    (
        "ERROR: Invalid requirement: \"'six'\": Expected package name at the start of"
        " dependency specifier\n    'six'\n    ^ (from line 13 of requirements.txt)",
        C.BAD_DEFINITION,
        "requirements.txt",
        13,
    ),
    (
        "ERROR: Could not open constraint file: [Errno 2] No such file or directory:"
        " '/b/source/=b.txt'",
        C.BAD_DEFINITION,
        "requirements.txt",
        14,
    ),
    (
        "ERROR: file:///x/lib (from -r requirements.txt (line 15)) does not appear to be"
        " a Python project: neither 'setup.py' nor 'pyproject.toml' found.",
        C.BAD_DEFINITION,
        "requirements.txt",
        15,
    ),
    (
        "Processing ./x.zip (from -r requirements.txt (line 16))\nTraceback\n"
        "zipfile.BadZipFile: File is not a zip file",
        C.BAD_DEFINITION,
        "requirements.txt",
        16,
    ),
    (
        "Obtaining file:///b/lib (from -r requirements.txt (line 3))\n"
        "error: metadata-generation-failed\n\n× Encountered error while generating"
        " package metadata.\n╰─> from file:///b/lib",
        C.WHEEL_BUILD_FAILED,
        "requirements.txt",
        3,
    ),
    (
        "ERROR: Could not install packages due to an OSError: Invalid URL './src': No"
        " scheme supplied. Perhaps you meant https://./src?",
        C.BAD_DEFINITION,
        "requirements.txt",
        17,
    ),
    ("'int' object has no attribute 'lower'", C.BAD_DEFINITION, "pyproject.toml", 2),
    (
        "       60│             assert isinstance(config, dict)\n       64│",
        C.BAD_DEFINITION,
        "pyproject.toml",
        7,
    ),
    (
        "tomllib.TOMLDecodeError: Expected ']' at the end of a table declaration (at"
        " line 1, column 9)",
        C.BAD_DEFINITION,
        "pyproject.toml",
        1,
    ),
]


@pytest.mark.parametrize(("printed", "kind", "path", "line"), REFUSALS)
def test_a_refusal_has_its_class_file_and_line(
    printed: str, kind: C, path: str, line: int
) -> None:
    lines = printed.splitlines()
    failure = classify(phase="install", lines=lines, code=1, files=FILES)

    assert (failure.kind, failure.path, failure.line) == (kind, path, line), failure


PROCESSED = "Processing ./lib (from -r requirements.txt (line 3))"


def test_what_names_no_package_is_not_blamed_on_the_only_local_one() -> None:
    """It was the only one whose directory has no name of another package."""
    full = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    no_mercurial = (
        "  ERROR: Error [Errno 2] No such file or directory: 'hg' while executing command hg version\n"
        "ERROR: Cannot find command 'hg' - do you have 'hg' installed and in your PATH?"
    )

    disk = classify(phase="build", lines=[PROCESSED, full], code=1, files=FILES)
    tool = classify(
        phase="build", lines=[PROCESSED, *no_mercurial.split("\n")], code=1, files=FILES
    )

    assert (disk.kind, disk.path, disk.line) == (C.OUT_OF_DISK, "", None)
    assert (tool.path, tool.line) == ("requirements.txt", 9)


@pytest.mark.parametrize("archive", ["main.zip", "main.tar.xz", "main.tar.gz"])
def test_an_archive_is_called_alike_where_it_is_taken_and_where_it_fails(
    archive: str,
) -> None:
    url = f"https://h.invalid/a/archive/{archive}"
    taken = f"Collecting {url} (from -r requirements.txt (line 3))"

    assert find_origin(url, taken).line == "3"
