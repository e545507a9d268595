"""What a command of a build may read, where that lies below /tmp."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.adapters.local.isolation import sandbox
from service.adapters.local.isolation.probe import SYSTEM


@pytest.fixture
def root(tmp_path: Path) -> Path:
    if tmp_path.parts[1] != "tmp":
        pytest.skip("the folders of pytest do not lie below /tmp")
    for name in ("root", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def read(root: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Read a file in the sandbox, whose /tmp is kept from command to command."""
    spec = sandbox.SandboxSpec(
        parent=os.getpid(),
        namespaces=True,
        as_user=os.geteuid() != 0,
        root=str(root / "root"),
        temporary=str(root / "tmp"),
        read=[*SYSTEM, str(path)],
        hidden=[],
        lent=[],
        write=[],
        overlays=[],
        shared_memory=1_000_000,
        file_size=1_000_000,
        processes=100,
        nice=0,
    )
    program = [sys.executable, "-I", "-S", sandbox.__file__, json.dumps(spec)]
    done = subprocess.run(
        [*program, "/bin/cat", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if "unshare" in done.stderr:
        pytest.skip("no namespaces are allowed here")
    return done


def test_it_is_readable_for_every_command_of_a_build(root: Path) -> None:
    path = root / "programs" / "uv"
    path.parent.mkdir()
    path.write_text("ours")

    said = [read(root, path).stdout for _ in range(2)]

    assert said == ["ours", "ours"]


def test_a_link_that_a_build_left_there_is_not_followed(root: Path) -> None:
    path = root / "programs" / "uv"
    path.parent.mkdir()
    path.write_text("ours")
    victim = root / "victim"
    victim.mkdir()
    first = path.parts[2]
    (root / "tmp" / first).symlink_to(victim)

    said = read(root, path)

    assert said.stdout == "ours"
    assert list(victim.iterdir()) == []
