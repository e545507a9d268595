"""What a package's own build prints is no word of the installer about an index."""

# ruff: noqa: RUF001 - the signs are the tools' own

import pytest

from service.build_failures.classify import classify
from service.domain.building.failure import FailureClass as C

WORDS = [
    "403 Client Error: Forbidden for url: https://files.test/model.bin",
    "404 Client Error: Not Found for url: https://files.test/model.bin",
    "429 Client Error: Too Many Requests for url: https://files.test/model.bin",
    "500 Server Error: Internal Server Error for url: https://files.test/model.bin",
    "ERROR: HTTP error 403 while getting https://files.test/model.bin",
    "HTTP status client error (404 Not Found) for url (https://files.test/model.bin)",
    "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    "File is not a zip file",
    "User for database: postgres",
    "The requested URL returned error: 429",
    "Failed to download distribution due to network timeout",
    "fatal: could not read Username for 'https://files.test': prompts disabled",
    "error: pathspec 'v9' did not match any file(s) known to git",
    "× git checkout -q v9 did not run successfully.",
    "error: Git operation failed",
    "ERROR: Cannot find command 'git' - do you have 'git' installed?",
    "The source distribution `demo` has no subdirectory `nope`",
    (
        "Distribution `demo==1.0` can't be installed because it doesn't have a source "
        "distribution or wheel for the current platform"
    ),
]
PIP = """\
Collecting good (from -r requirements.txt (line 2))
  Building wheel for good (pyproject.toml): finished with status 'error'
  error: subprocess-exited-with-error

  × Building wheel for good (pyproject.toml) did not run successfully.
  │ exit code: 1
  ╰─> [3 lines of output]
      {word}
      building from source instead
      x.c:1:10: fatal error: nothere.h: No such file or directory
      error: command '/usr/bin/gcc' failed with exit code 1
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for good
Failed to build good
error: failed-wheel-build-for-install"""
UV = """\
error: Failed to download and build `good==1.0`
  cause: Failed to build `good==1.0`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

[stdout]
{word}
building from source instead

[stderr]
x.c:1:10: fatal error: nothere.h: No such file or directory
error: command '/usr/bin/gcc' failed with exit code 1

hint: `good` (v1.0) was included because `demo` (v0.1) depends on `good`"""
UV_0_6 = """\
  × Failed to build `good==1.0`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `setuptools.build_meta.build_wheel` failed (exit
      status: 1)

      [stdout]
      {word}
      building from source instead

      [stderr]
      x.c:1:10: fatal error: nothere.h: No such file or directory
      error: command '/usr/bin/gcc' failed with exit code 1

      hint: This usually indicates a problem with the package or the build
      environment.

  help: `good` (v1.0) was included because `demo` (v0.1) depends on `good`"""
POETRY = """\
  - Installing good (1.0)

  ChefBuildError

  Backend subprocess exited when trying to invoke build_wheel

  {word}
  building from source instead
  x.c:1:10: fatal error: nothere.h: No such file or directory
  error: command '/usr/bin/gcc' failed with exit code 1

  at /t/poetry/installation/chef.py:164 in _prepare
    → 164│                 raise error from None

Note: This error originates from the build backend, and is likely not a problem with \
poetry but with good (1.0) not supporting PEP 517 builds."""

POETRY_2 = """\
  - Installing good (1.0)

PEP517 build of a dependency failed

Backend subprocess exited when trying to invoke build_wheel

    | Command '['/b/tmp/.venv/bin/python']' returned non-zero exit status 1.
    |
    | {word}
    | building from source instead
    | x.c:1:10: fatal error: nothere.h: No such file or directory
    | error: command '/usr/bin/gcc' failed with exit code 1

Note: This error originates from the build backend, and is likely not a problem with \
poetry but one of the following issues with good (1.0)"""
SAID = {
    "pip": PIP,
    "uv": UV,
    "uv 0.6": UV_0_6,
    "poetry 1": POETRY,
    "poetry 2": POETRY_2,
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_a_build_that_speaks_of_a_server_failed_by_itself(said: str, word: str) -> None:
    lines = said.format(word=word).splitlines()
    failure = classify(phase="build", lines=lines, code=1, files={})

    assert failure.kind is C.WHEEL_BUILD_FAILED, failure
    assert "nothere.h" in failure.message


@pytest.mark.parametrize("word", WORDS)
def test_also_where_the_log_begins_in_the_middle(word: str) -> None:
    lines = PIP.format(word=word).splitlines()[7:]
    failure = classify(phase="build", lines=lines, code=1, files={})

    assert failure.kind is C.WHEEL_BUILD_FAILED, failure


def test_an_index_that_refuses_what_a_build_requires_is_told() -> None:
    said = PIP.format(word=WORDS[4]).replace(
        "Building wheel for good (pyproject.toml) did",
        "installing build dependencies did",
    )
    failure = classify(phase="build", lines=said.splitlines(), code=1, files={})

    assert failure.kind is C.INDEX_REFUSED
