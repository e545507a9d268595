"""What a command under Landlock may open, and what it may not."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.adapters.local.isolation import landlock, sandbox
from service.adapters.local.isolation.probe import PROGRAM, SYSTEM


def run(code: str, *, read: Sequence[Path] = (), write: Sequence[Path] = ()) -> str:
    """Run Python code as a build's command is run; return what it prints."""
    readable = [*SYSTEM, sys.base_prefix, "/proc", *map(str, read)]
    rules = landlock.Rules(read=readable, write=[*map(str, write), "/dev/null"])
    spec = sandbox.SandboxSpec(
        parent=os.getpid(),
        namespaces=False,
        as_user=False,
        root="",
        temporary="",
        read=[],
        hidden=[],
        lent=[],
        write=[],
        overlays=[],
        shared_memory=0,
        file_size=1_000_000,
        processes=100,
        nice=0,
    )
    done = subprocess.run(
        [
            *(*PROGRAM, sandbox.__file__, json.dumps(spec)),
            *(*PROGRAM, landlock.__file__, json.dumps(rules)),
            *(os.path.realpath(sys.executable), "-I", "-c", code),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if "isolated" in done.stderr:
        pytest.skip(done.stderr.strip())
    return done.stdout + done.stderr


def test_what_is_named_can_be_read_and_what_is_not_cannot(tmp_path: Path) -> None:
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
    code = f"print(open({str(tmp_path)!r} + '/NAME/file').read())"

    assert run(code.replace("NAME", "open"), read=[tmp_path / "open"]) == "content\n"
    said = run(code.replace("NAME", "closed"), read=[tmp_path / "open"])
    assert "PermissionError" in said
    assert "content\n" not in said


@pytest.mark.parametrize(
    "deed",
    [
        "open(f'{there}/file', 'w')",
        "os.truncate(f'{there}/file', 0)",
        "os.remove(f'{there}/file')",
        "os.mkdir(f'{there}/new')",
        "os.symlink('/', f'{there}/new')",
        "os.rename(f'{there}/file', f'{here}/file')",
        "os.link(f'{there}/file', f'{here}/file')",
        "os.rename(f'{here}/mine', f'{there}/mine')",
    ],
)
def test_what_may_be_read_can_be_changed_in_no_way(tmp_path: Path, deed: str) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        folder.mkdir()
    (there / "file").write_text("content")
    (here / "mine").write_text("mine")
    names = f"import os; there, here = {str(there)!r}, {str(here)!r}"

    said = run(f"{names}\n{deed}", read=[there], write=[here])

    assert "OSError" in said or "PermissionError" in said, said
    assert [path.name for path in there.iterdir()] == ["file"]
    assert (there / "file").read_text() == "content"


def test_what_may_be_written_can_be_moved_between_folders(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    code = f"""
import os
os.chdir({str(tmp_path)!r})
open("one/file", "w").write("x")
os.rename("one/file", "two/file")
os.symlink("../two/file", "one/link")
print(open("one/link").read(), os.listdir("two"))
"""
    assert run(code, write=[tmp_path / "one", tmp_path / "two"]) == "x ['file']\n"


def test_the_memory_and_variables_of_other_processes_stay_theirs() -> None:
    with subprocess.Popen(["sleep", "30"], env={"SECRET": "s3cr3t"}) as other:
        try:
            said = run(f"print(open('/proc/{other.pid}/environ').read())")
            signals = run(f"import os; os.kill({other.pid}, 15)")
        finally:
            other.kill()

    assert "PermissionError" in said
    assert "s3cr3t" not in said
    assert "PermissionError" in signals or kernel() < (6, 12)


def kernel() -> tuple[int, int]:
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int(minor)


def test_what_is_hidden_is_left_out_of_a_folder_around_it(tmp_path: Path) -> None:
    for name in ("opt/service/data", "opt/service/bin", "opt/tool"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "opt/link").symlink_to("service/data")
    hidden = [str(tmp_path / "opt/service/data")]
    paths = [str(tmp_path / "opt"), str(tmp_path / "opt/service/data/x"), "/usr"]

    shown = [*landlock.without(paths, hidden)]

    names = ["opt/service/bin", "opt/tool"]
    assert shown == [*(str(tmp_path / name) for name in names), "/usr"]
