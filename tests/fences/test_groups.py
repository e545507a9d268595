"""Tests of a group share a worker: what they would disturb is each other's."""

import subprocess
import sys
from pathlib import Path

from scripts.docs import ROOT

GROUPED = """\
import os, pathlib, pytest

pytestmark = pytest.mark.xdist_group("one")

@pytest.mark.parametrize("number", range(5))
def test(number):
    with pathlib.Path("workers").open("a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)
"""


def test_a_group_of_several_files_runs_in_one_worker(tmp_path: Path) -> None:
    for name in ("test_a.py", "test_b.py"):
        (tmp_path / name).write_text(GROUPED)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    options = ["-n", "2", "--dist", "loadgroup", "-p", "tests.support.groups"]

    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stdout + said.stderr
    workers = (tmp_path / "workers").read_text().split()
    assert len(workers) == 10
    assert len(set(workers)) == 1
