"""What poetry, uv and TLS libraries say of a definition has a class, a file and a line.

Said by poetry 1.8.3, uv 0.13.9, pip 23.2.1 and git 2.39; shortened. *Package … not
found* could not be provoked: its two texts are as bug reports have them.
"""
# ruff: noqa: E501, ISC004 - lines are the tools' own

import pytest

from service.build_failures.classify import classify
from service.domain.building.failure import FailureClass as C

FILES = {
    "app/pyproject.toml": """\
[tool.poetry]
name = "demo"
authors = ["<>"]
foo = 1
packages = [{ include = "nothere" }]
[tool.poetry.dependencies]
python = "^3.10"
six = "latest"
lib = { path = "libs/lib" }
[tool.poetry.group.dev.dependencies]
idna = { version = "*", markers = "foo" }
[tool.poetry.scripts]
run = "demo"
[tool.uv]
required-version = ">=99"
managed = false
[dependency-groups]
dev = ["x y"]
""",
    "app/uv.lock": "version = 1\n",
    "app/poetry.lock": '[[package]]\nname = "six"\nversion = "99.0"\n',
}
INVALID = "\nThe Poetry configuration is invalid:\n  - "

OF_POETRY = [
    (f"{INVALID}The fields ['description'] are required in package mode.\n", 1),
    (f"{INVALID}Additional properties are not allowed ('foo' was unexpected)\n", 4),
    (f"{INVALID}data.packages[0] must contain ['include'] properties\n", 5),
    (f"{INVALID}data.group.dev.dependencies.idna must be valid exactly by one", 11),
    (f"{INVALID}Project name (demo) is same as one of its dependencies\n", 1),
    ("\nGroup(s) not found: main (via --only)\n", 1),
    ("\nCould not parse version constraint: latest\n", 8),
    ("\nPath /b/source/app/libs/lib for lib does not exist\n", 9),
    ("\n/b/source/app/nothere does not contain any element\n", 5),
    ("\nBad script (run): script needs to specify a function within a module", 13),
    ("\nInvalid author string. Must be in the format: John Smith <j@example.com>\n", 3),
    (
        "\nNo terminal matches 'f' in the current parser context, at line 1 col 1\n\n"
        "foo\n^\nExpected one of: \n\t* MARKER_NAME\n\t* L_PAREN\n",
        11,
    ),
]
ALSO_OF_POETRY = [
    ("\nCannot overwrite a value (at line 6, column 9)\n", "app/pyproject.toml", 6),
    ("\n'list' object has no attribute 'keys'\n", "app/pyproject.toml", 1),
    (
        "  AssertionError\n\n  \n\n  at /v/lib/python3.11/site-packages/poetry/core/"
        "packages/utils/utils.py:244 in create_nested_marker\n      240│ name\n",
        "app/pyproject.toml",
        6,
    ),
    *(
        (f"Installing dependencies from lock file\n\n{said}\n", "app/poetry.lock", 1)
        for said in (
            "'python-versions'",
            "'name'",
            "'package'",
            "Invalid PEP 440 version: 'x'",
            "expected string or bytes-like object, got 'int'",
            "Invalid python versions 'banana' on six (1.17.0)",
            "'int' object has no attribute 'is_any'",
            "'str' object has no attribute 'get'",
            "  AssertionError\n\n  at /v/poetry/core/packages/package.py:559 in x",
        )
    ),
]
OF_UV = [
    (
        "error: Failed to parse: pyproject.toml\n  cause: TOML parse error at line 16,"
        ' column 9\n           |\n        16 | managed="yes"\n           |         ^^^^^'
        '\n         invalid type: string "yes", expected a boolean\n',
        16,
    ),
    (
        "error: Required uv version `>=99` does not match the running version `0.13.9`."
        " Update `uv` by running `uv self update`.",
        15,
    ),
    ("error: The project is marked as unmanaged: /b/source/app", 16),
    (
        "error: Project `demo` has malformed dependency groups\n  cause: Failed to parse"
        " entry in group `dev`: `x y`\n  cause: Expected one of `@`, found `y`",
        18,
    ),
]


@pytest.mark.parametrize(("said", "path", "line"), ALSO_OF_POETRY)
def test_what_poetry_says_in_a_word_has_a_file_and_a_line(
    said: str, path: str, line: int
) -> None:
    failure = classify(phase="build", lines=said.splitlines(), code=1, files=FILES)

    assert failure.kind in {C.BAD_DEFINITION, C.STALE_LOCK}
    assert (failure.path, failure.line) == (path, line)


def test_a_build_script_that_fails_is_named() -> None:
    said = (
        "\nCommand ['/tmp/x/.venv/bin/python', '/b/source/app/build.py'] errored with"
        " the following return code 3\n"
    )
    failure = classify(phase="build", lines=said.splitlines(), code=1, files=FILES)

    assert failure.kind is C.WHEEL_BUILD_FAILED
    assert failure.path == "app/pyproject.toml"
    assert "`app/build.py` of the project failed: it ended with status 3" in (
        failure.message
    )


@pytest.mark.parametrize(("said", "line"), [*OF_POETRY, *OF_UV])
def test_what_a_project_is_refused_for_has_its_line(said: str, line: int) -> None:
    failure = classify(phase="build", lines=said.splitlines(), code=1, files=FILES)

    assert failure.kind is C.BAD_DEFINITION
    assert (failure.path, failure.line) == ("app/pyproject.toml", line)


@pytest.mark.parametrize(
    ("said", "kind", "path"),
    [
        pytest.param(
            "The lock file does not have a metadata entry.\nRegenerate the lock file",
            C.STALE_LOCK,
            "app/poetry.lock",
            id="poetry: no metadata",
        ),
        pytest.param(
            "pyproject.toml changed significantly since poetry.lock was last generated.",
            C.STALE_LOCK,
            "app/poetry.lock",
            id="poetry: stale",
        ),
        pytest.param(
            "  RuntimeError\n\n  Unable to find installation candidates for six (99.0)\n",
            C.NO_SUCH_VERSION,
            "app/pyproject.toml",
            id="poetry: no file",
        ),
        pytest.param(
            "  PackageNotFound\n\n  Package six (99.0) not found.\n",
            C.NO_SUCH_VERSION,
            "app/pyproject.toml",
            id="poetry: no version",
        ),
        pytest.param(
            "Package ('six') not found.\n",
            C.NO_SUCH_PACKAGE,
            "app/pyproject.toml",
            id="poetry: no package",
        ),
        pytest.param(
            "error: The lockfile at `uv.lock` uses an unsupported schema version (v9,"
            " but only v1 is supported).",
            C.STALE_LOCK,
            "app/uv.lock",
            id="uv: schema",
        ),
        pytest.param(
            "error: Failed to determine installation plan\n"
            "  cause: Distribution not found at: file:///b/source/app/lib",
            C.BAD_DEFINITION,
            "app/uv.lock",
            id="uv: no directory",
        ),
    ],
)
def test_locks_and_what_they_name_have_their_file(
    said: str, kind: C, path: str
) -> None:
    failure = classify(phase="build", lines=said.splitlines(), code=1, files=FILES)

    assert (failure.kind, failure.path) == (kind, path)
    assert failure.line


@pytest.mark.parametrize(
    ("said", "phase"),
    [
        pytest.param(
            "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by"
            " 'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]"
            " certificate verify failed: self-signed certificate (_ssl.c:1006)'))':"
            " /simple/six/\nERROR: Could not find a version that satisfies the"
            " requirement six (from versions: none)",
            "build",
            id="pip",
        ),
        pytest.param(
            "error: Failed to fetch: https://localhost:18443/simple/six/\n"
            "  cause: error sending request for url (https://localhost:18443/simple/)\n"
            "  cause: client error (Connect)\n"
            "  cause: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
            "build",
            id="uv",
        ),
        pytest.param(
            "HTTPSConnectionPool(host='localhost', port=18443): Max retries exceeded"
            " with url: /simple/six/ (Caused by SSLError(SSLCertVerificationError(1,"
            " '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed')))",
            "restore",
            id="poetry, while its tools are made",
        ),
        pytest.param(
            "fatal: unable to access 'https://localhost:18443/x.git/': server"
            " certificate verification failed. CAfile: /etc/ssl/certs/ca.crt",
            "clone",
            id="git",
        ),
    ],
)
def test_a_certificate_that_is_not_trusted_is_not_tried_again(
    said: str, phase: str
) -> None:
    failure = classify(phase=phase, lines=said.splitlines(), code=1, files=FILES)

    assert failure.kind is C.CERTIFICATE
    assert not failure.kind.is_transient
