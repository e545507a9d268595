"""What pip and uv print where a plain reading would blame somebody else."""

# ruff: noqa: RUF001 - the signs are the tools' own

import pytest

from service.build_failures.classify import classify
from service.domain.building.failure import Failure, FailureClass as C


def classified(text: str, requirements: str) -> Failure:
    files = {"requirements.txt": requirements}
    return classify(phase="build", lines=text.splitlines(), code=1, files=files)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "error: Failed to download `demo @ https://a.test/demo-1.0-py3-none-any.whl`"
            "\n  cause: Failed to read from zip file\n  cause: Failed to download "
            "distribution due to network timeout. Try increasing UV_HTTP_TIMEOUT "
            "(current value: 2s).",
            id="a URL",
        ),
        pytest.param(
            "  × Failed to download `demo @\n"
            "  │ https://a.test/demo-1.0-py3-none-any.whl`\n"
            "  ├─▶ Failed to read from zip file\n"
            "  ├─▶ an upstream reader returned an error: Failed to download\n"
            "  │   distribution due to\n"
            "  │   network timeout. Try increasing UV_HTTP_TIMEOUT (current value: 2s)."
            "\n  ╰─▶ Failed to download distribution due to network\n"
            "      timeout. Try increasing UV_HTTP_TIMEOUT (current value: 2s).",
            id="a URL, wrapped",
        ),
        pytest.param(
            "error: Failed to download `demo==1.0`\n"
            "  cause: Failed to extract archive: demo-1.0-py3-none-any.whl\n"
            "  cause: I/O operation failed during extraction\n"
            "  cause: Failed to download distribution due to network timeout. Try "
            "increasing UV_HTTP_TIMEOUT (current value: 2s).\n\n"
            "hint: `demo` (v1.0) was included because `a` (v1) depends on `demo`",
            id="a lock",
        ),
    ],
)
def test_a_file_that_came_too_slowly_is_not_damaged(text: str) -> None:
    assert classified(text, "demo==1.0\n").kind is C.NETWORK


def test_a_lock_without_a_file_for_this_system_has_no_such_version() -> None:
    failure = classified(
        "error: Distribution `torch==2.2.0 @ registry+https://a.test/simple` can't be "
        "installed because it doesn't have a source distribution or wheel for the "
        "current platform",
        "torch\n",
    )

    assert failure.kind is C.NO_SUCH_VERSION
    assert failure.message == (
        "requirements.txt line 1: the lock has no file of `torch==2.2.0` for this "
        "system and Python"
    )


def test_a_version_that_pip_refuses_is_not_proposed() -> None:
    failure = classified(
        "Collecting textract==1.6.5 (from -r requirements.txt (line 1))\n"
        "WARNING: Ignoring version 1.6.5 of textract since it has invalid metadata:\n"
        "Requested textract==1.6.5 from https://a.test/textract-1.6.5-py3-none-any.whl"
        " (from -r requirements.txt (line 1)) has invalid metadata: .* suffix can only "
        "be used with `==` or `!=` operators\n"
        "    extract-msg (<=0.29.*)\n"
        "                 ~~~~~~~^\n"
        "Please use pip<24.1 if you need to use this version.\n"
        "ERROR: Could not find a version that satisfies the requirement textract==1.6.5"
        " (from versions: 1.6.4, 1.6.5)\n"
        "ERROR: No matching distribution found for textract==1.6.5",
        "textract==1.6.5\n",
    )

    assert failure.kind is C.BAD_DEFINITION
    assert failure.message == (
        "requirements.txt line 1: what the index has of `textract` is damaged: invalid "
        "metadata: .* suffix can only be used with `==` or `!=` operators"
    )
    assert "1.6.5" not in failure.hint


OLD_PIP = """\
Collecting rusty (from -r requirements.txt (line 2))
  Preparing metadata (setup.py): finished with status 'error'
  error: subprocess-exited-with-error

  × python setup.py egg_info did not run successfully.
  │ exit code: 1
  ╰─> [5 lines of output]

      Cargo, the Rust package manager, is not installed or is not on PATH.
      This package requires Rust and Cargo to compile extensions. Install it through
      the system package manager or via https://rustup.rs/.

      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: metadata-generation-failed

× Encountered error while generating package metadata.
╰─> See above for output.

note: This is an issue with the package mentioned above, not pip.
hint: See above for details."""
OLD_UV = """\
  × Failed to build `rusty==1.0`
  ├─▶ The build backend returned an error
  ╰─▶ Call to
      `setuptools.build_meta:__legacy__.prepare_metadata_for_build_wheel`
      failed (exit status: 1)

      [stdout]

      Cargo, the Rust package manager, is not installed or is not on PATH.
      This package requires Rust and Cargo to compile extensions. Install it
      through
      the system package manager or via https://rustup.rs/.

      hint: This usually indicates a problem with the package or the build
      environment."""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(OLD_PIP, "rusty", id="pip 23"),
        pytest.param(OLD_UV, "rusty==1.0", id="uv 0.6"),
    ],
)
def test_a_package_that_lacks_its_compiler_is_named_with_it(
    text: str, name: str
) -> None:
    failure = classified(text, "six\nrusty\n")

    assert failure.kind is C.WHEEL_BUILD_FAILED
    assert failure.message == (
        f"requirements.txt line 2: `{name}` could not be built: Cargo, the Rust "
        "package manager, is not installed or is not on PATH."
    )
