"""A damaged uv.lock is said with its line; one that is newer is not judged."""

import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.definitions.tree import read
from tests.definitions.uv_cases import LOCK, PROJECT

SIX = LOCK[LOCK.rindex("[[package]]") :]


@pytest.mark.parametrize(
    ("lock", "code", "line", "words"),
    [
        pytest.param(
            LOCK.replace(SIX, ""),
            "lock_incomplete",
            "name = ",
            "lacks six, which demo needs",
            id="a package that a merge lost",
        ),
        pytest.param(
            LOCK + SIX.replace("1.17.0", "1.16.0"),
            "lock_incomplete",
            '{ name = "six" }',
            "has several six, and does not name the one that demo needs",
            id="a package that a merge left twice",
        ),
        pytest.param(
            LOCK.replace("sha256:4721", ""),
            "lock_schema",
            "    { url",
            "wheels.0.hash of six",
            id="a hash",
        ),
        pytest.param(
            LOCK.replace('requires-dist = [{ name = "six" }]', "requires-dist = 1"),
            "lock_schema",
            "requires-dist",
            "metadata.requires-dist of demo: expected an array, found 1",
            id="metadata",
        ),
    ],
)
def test_damage_is_said_with_its_line(
    lock: str, code: str, line: str, words: str
) -> None:
    (finding,) = read({"pyproject.toml": PROJECT, "uv.lock": lock}).findings

    assert finding.code == code
    assert finding.path == "uv.lock"
    assert words in finding.message
    assert finding.line is not None
    assert line in lock.splitlines()[finding.line - 1]


def test_a_revision_that_is_newer_is_not_judged() -> None:
    damaged = LOCK.replace("{ url = ", "{ link = ")
    newer = damaged.replace("revision = 5", "revision = 6")

    assert read({"pyproject.toml": PROJECT, "uv.lock": damaged}).findings
    assert not read({"pyproject.toml": PROJECT, "uv.lock": newer}).findings


def test_a_requirement_that_uv_mends_makes_no_lock_stale(tmp_path: Path) -> None:
    index = '[[tool.uv.index]]\nurl = "https://index.test/simple"\ndefault = true\n'
    project = PROJECT.replace('"six"', '"six>=1.17.0<3"') + index
    lock = LOCK.replace(
        '[{ name = "six" }]', '[{ name = "six", specifier = ">=1.17.0,<3" }]'
    )
    files = {"pyproject.toml": project, "uv.lock": lock}
    for path, text in files.items():
        (tmp_path / path).write_text(text)

    assert not read(files).findings
    assert _check_lock(tmp_path) == 0


def _check_lock(folder: Path) -> int:
    argv = [find_uv_bin(), "lock", "--check", "--offline"]
    variables = {
        "PATH": str(Path(sys.base_prefix) / "bin"),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    return subprocess.run(
        argv, cwd=folder, check=False, capture_output=True, env=variables
    ).returncode
