"""The same failure, whether pip wrote its own log beside what it prints or not.

Real pip and real build backends; the logs of indexes are those of `said.PIP_LOGGED`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.build_failures.classify import classify
from service.build_failures.pip_log import unfold_pip_log
from service.domain.building.failure import Failure, FailureClass

BACKEND = """\
import sys

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    {code}
"""
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
CODES = {
    "exception": 'raise RuntimeError("boom in backend")',
    "memory": "raise MemoryError",
    "module": "import numpy_is_not_here",
    "header": (
        'print("x.c:1:10: fatal error: nothere.h: No such file or directory"); '
        "sys.exit(1)"
    ),
    "words of an index": (
        'print("ERROR: No matching distribution found for six"); '
        'raise RuntimeError("boom")'
    ),
    "nothing": "sys.exit(3)",
    "words of a log": (
        'print("2026-11-28T19:01:25,110 Could not fetch URL https://a.test/simple/six/:'
        ' 503 Server Error - skipping"); raise RuntimeError("boom")'
    ),
}


def failure_of(project: Path, *, has_log: bool) -> Failure:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--no-index", "--no-cache-dir"),
            *("--target", str(project.parent / "target"), str(project)),
        ],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            "HOME": str(project.parent),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_CONFIG_FILE": os.devnull,
            **({"PIP_LOG": "/dev/stdout"} if has_log else {}),
        },
    )
    assert done.returncode == 1
    return classify(
        phase="build",
        lines=done.stdout.splitlines(),
        code=done.returncode,
        files={"requirements.txt": "./project\n"},
    )


@pytest.mark.parametrize("code", CODES.values(), ids=CODES.keys())
def test_a_failed_build_is_told_alike_with_and_without_a_log(
    tmp_path: Path, code: str
) -> None:
    project = tmp_path / "source" / "project"
    project.mkdir(parents=True)
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "backend.py").write_text(BACKEND.format(code=code))

    plain = failure_of(project, has_log=False)

    assert plain.kind is not FailureClass.UNKNOWN
    assert failure_of(project, has_log=True) == plain


def test_without_a_log_lines_are_left_as_they_are() -> None:
    lines = ["Collecting six", "", "  ╰─> See above for output.", "│ exit code: 1"]

    assert unfold_pip_log(lines) is lines


def test_what_a_pip_printed_that_pip_started_is_of_the_installer() -> None:
    lines = [
        "  Installing build dependencies: started",
        "2026-11-29T00:12:36,804   Running command installing build dependencies",
        "2026-11-29T00:12:36,900   2026-11-29T00:12:36,899 Could not fetch URL x: 503",
        "2026-11-29T00:12:36,901   ERROR: No matching distribution found for a",
        "  Installing build dependencies: finished with status 'error'",
        "  │ exit code: 1",
        "  ╰─> No available output.",
    ]

    assert unfold_pip_log(lines)[1:] == [
        "  Could not fetch URL x: 503",
        "  ERROR: No matching distribution found for a",
        "  Installing build dependencies: finished with status 'error'",
        "  │ exit code: 1",
        "  ╰─> [2 lines of output]",
        "  Could not fetch URL x: 503",
        "  ERROR: No matching distribution found for a",
        "[end of output]",
    ]
