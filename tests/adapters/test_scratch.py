"""Temporary folders last as long as their process, however it ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.adapters.scratch import scratch_folder

HOLDER = """
import sys
from pathlib import Path
from service.adapters.scratch import scratch_folder

with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "fetched").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


class Holder:
    """A process with a folder of its own."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.folder = Path(self._process.stdout.readline().strip())

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def end(self) -> None:
        self._process.communicate()


def test_a_folder_is_gone_after_its_block(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "root") as folder:
        (folder / "fetched").mkdir()
        assert folder.parent == tmp_path / "root"

    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed = Holder(tmp_path)
    killed.kill()
    assert (killed.folder / "fetched").exists()

    with scratch_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["notes.txt", "mine"])
def test_what_others_keep_there_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()

    with scratch_folder(tmp_path):
        pass

    assert (tmp_path / name).exists()


def test_the_folder_of_a_process_that_lives_stays(tmp_path: Path) -> None:
    other = Holder(tmp_path)
    try:
        with scratch_folder(tmp_path) as folder:
            assert set(tmp_path.iterdir()) == {folder, other.folder}
        assert (other.folder / "fetched").exists()
    finally:
        other.end()

    assert not other.folder.exists()
