"""What build code tries, and what comes of it."""

import os
from pathlib import Path
from typing import Any

import pytest

from service.adapters.local.isolation.probe import IsolationChoice, find_isolation
from service.adapters.local.worker.safe_files import own_files, read_within, write_anew
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Kind
from service.errors import PermanentError
from tests.adapters.local.builds import (
    PASSED,
    KeptLogs,
    a_build,
    a_builder,
    a_project_that_runs,
    a_repository,
    failure_of,
    image_of,
    processes_with,
)
from tests.adapters.local.test_python_builds import WORKS

SECRET = "s3cr3t-of-the-service"
CAUGHT = """
def tried(what):
    try:
        print("DONE", what())
    except Exception as exc:
        print("REFUSED", type(exc).__name__)
"""
LOOKS_AROUND = (
    CAUGHT
    + """
import os, pathlib
tried(lambda: open({secret!r}).read())
tried(lambda: open({other!r}).read())
tried(lambda: os.listdir({root!r} + "/images"))
tried(lambda: os.listdir({root!r} + "/cache"))
tried(lambda: open({root!r} + "/cache/mine", "w"))
tried(lambda: os.truncate({secret!r}, 0))
tried(lambda: os.rename({other!r}, "mine"))
tried(lambda: os.listdir({repository!r}))
tried(lambda: os.listdir("/run")[0])
tried(lambda: open({root!r} + "/tools/mine", "w"))
tried(lambda: open("/usr/mine", "w"))
tried(lambda: open("/proc/sys/kernel/hostname", "w").write("mine"))
tried(lambda: os.kill({pid}, 0))
tried(lambda: os.link({secret!r}, "mine"))
raise RuntimeError("looked around")
"""
)


async def isolated_here(folder: Path, way: IsolationChoice = "namespaces") -> bool:
    try:
        found = await find_isolation(way, folder=folder, environment=PASSED)
    except PermanentError:
        return False
    return found.protects_files


def a_data_folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "builder/environments/other").mkdir(parents=True)
    (data / "token").write_text(SECRET)
    (data / "builder/environments/other/secret").write_text(SECRET)
    return data


async def failed_with(
    tmp_path: Path, code: str, root: Path, **options: Any
) -> tuple[Failure, str]:
    repository = a_repository(tmp_path / "repository", a_project_that_runs(code))
    logs = KeptLogs()
    async with a_builder(root, logs=logs, **options) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.UV))
    return failure, logs.text()


@pytest.mark.parametrize("isolation", ["namespaces", "landlock"])
async def test_an_isolated_build_sees_and_changes_nothing_but_its_own(
    tmp_path: Path, isolation: IsolationChoice
) -> None:
    if not await isolated_here(tmp_path, isolation):
        pytest.skip(f"this machine allows no {isolation}")
    data = a_data_folder(tmp_path)
    code = LOOKS_AROUND.format(
        secret=str(data / "token"),
        other=str(data / "builder/environments/other/secret"),
        root=str(data / "builder"),
        repository=str(tmp_path / "repository"),
        pid=os.getpid(),
    )
    failure, said = await failed_with(
        tmp_path, code, data / "builder", isolation=isolation
    )

    assert "looked around" in failure.message
    assert said.count("REFUSED") == 14, said
    assert "DONE" not in said
    assert SECRET not in said


FILLS_CACHES = """
import os, pathlib
for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR", "POETRY_CACHE_DIR", "HOME", "TMPDIR"):
    folder = pathlib.Path(os.environ[name]) if name in os.environ else None
    print(name, [it.name for it in folder.rglob("poison")] if folder else "")
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "poison").write_text("mine")
raise RuntimeError("filled")
"""


@pytest.mark.parametrize("isolation", ["auto", "landlock", "none"])
async def test_what_a_build_leaves_in_a_cache_no_other_finds(
    tmp_path: Path, isolation: IsolationChoice
) -> None:
    files = a_project_that_runs(FILLS_CACHES)
    repository, logs = a_repository(tmp_path / "repository", files), KeptLogs()
    root = tmp_path / "root"
    async with a_builder(root, logs=logs, isolation=isolation) as builder:
        for name in ("one", "two"):
            await failure_of(builder, a_build(repository, Kind.UV, id=name))

    assert "UV_CACHE_DIR []" in logs.text()
    assert "['poison']" not in logs.text()
    assert [*root.rglob("poison")] == []


async def test_a_configuration_left_at_home_is_obeyed_by_no_tool_of_ours(
    tmp_path: Path,
) -> None:
    code = """
import os, pathlib
home = pathlib.Path(os.environ["HOME"])
for name in (".config/uv/uv.toml", ".config/pip/pip.conf", ".netrc"):
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("this is no configuration [")
"""
    files = a_project_that_runs(code + WORKS)
    repository = a_repository(tmp_path / "repository", files)
    async with a_builder(tmp_path / "root") as builder:
        image = await image_of(builder, a_build(repository, Kind.UV))

        assert [package.name for package in image.packages] == ["x"]


EATS_MEMORY = """
import subprocess, sys
eat = "import time; kept = bytearray(120_000_000); time.sleep(60)"
many = [subprocess.Popen([sys.executable, "-c", eat]) for _ in range(3)]
many[0].wait()
"""
FORKS = """
import os, time
for _ in range(80):
    if not os.fork():
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""
FORKS_AT_ONCE = """
import os, signal, time
children = []
try:
    while len(children) < 600:
        pid = os.fork()
        if not pid:
            time.sleep(60)
            os._exit(0)
        children.append(pid)
except OSError:
    pass
for pid in children:
    os.kill(pid, signal.SIGKILL)
raise RuntimeError(f"started {len(children)}")
"""
"""Ends by itself: whoever breaks the defence breaks no machine."""
FILLS_DISK = """
import os, time
for n in range(400):
    with open(f"large-{n}", "wb") as file:
        file.write(os.urandom(1_000_000))
    time.sleep(0.01)
time.sleep(60)
"""
FILLS_NO_BLOCKS = """
import os, time
for n in range(100):
    os.mkdir(f"many-{n}")
    for m in range(100):
        open(f"many-{n}/{m}", "w").close()
time.sleep(60)
"""
"""Ten thousand empty files: they take inodes, of which disks have a number."""


@pytest.mark.parametrize("isolation", ["auto", "landlock", "none"])
@pytest.mark.parametrize(
    ("code", "limit", "kind", "words"),
    [
        pytest.param(
            EATS_MEMORY,
            {"memory": 300_000_000},
            FailureClass.OUT_OF_MEMORY,
            "took more than 286 MiB of memory",
            id="memory",
        ),
        pytest.param(
            FORKS,
            {"processes": 40},
            FailureClass.PROCESS_LIMIT,
            "more than 40 processes",
            id="processes",
        ),
        pytest.param(
            FILLS_DISK,
            {"disk": 20_000_000},
            FailureClass.DISK_LIMIT,
            "wrote more than 19.1 MiB",
            id="disk",
        ),
        pytest.param(
            FILLS_NO_BLOCKS,
            {"disk": 20_000_000},
            FailureClass.DISK_LIMIT,
            "wrote more than 19.1 MiB",
            id="empty files",
        ),
    ],
)
async def test_a_build_that_takes_too_much_is_stopped_and_says_what_it_took(
    tmp_path: Path,
    *,
    code: str,
    limit: dict[str, int],
    kind: FailureClass,
    words: str,
    isolation: IsolationChoice,
) -> None:
    failure, _ = await failed_with(
        tmp_path, code, tmp_path / "root", isolation=isolation, **limit
    )

    assert failure.kind is kind, failure
    assert words in failure.message
    assert not kind.is_transient
    assert processes_with(str(tmp_path / "root")) == []


DIGS = """
import os
os.chdir(os.environ["TMPDIR"])
for _ in range(1500):
    os.mkdir("d")
    os.chdir("d")
raise RuntimeError("dug")
"""


async def test_folders_in_folders_without_end_end_no_builder(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", a_project_that_runs(DIGS))
    root = tmp_path / "root"
    async with a_builder(root) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.UV))

        assert "dug" in failure.message
    assert not any(path.is_dir() for path in (root / "builds/01BUILD").iterdir())


async def test_a_fork_bomb_ends_at_the_kernels_limit(tmp_path: Path) -> None:
    if not await isolated_here(tmp_path) or kernel() < (6, 14):
        pytest.skip("this machine counts no processes for each namespace")
    failure, _ = await failed_with(
        tmp_path, FORKS_AT_ONCE, tmp_path / "root", processes=400
    )

    if failure.kind is FailureClass.WHEEL_BUILD_FAILED:
        assert int(failure.message.rpartition(" ")[2]) < 400
    else:
        assert failure.kind is FailureClass.PROCESS_LIMIT


def kernel() -> tuple[int, int]:
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int(minor)


@pytest.mark.parametrize("isolation", ["auto", "landlock", "none"])
async def test_a_daemon_outlives_no_build(
    tmp_path: Path, isolation: IsolationChoice
) -> None:
    markers = {"auto": "6011.25", "landlock": "6013.25", "none": "6012.25"}
    marker = markers[isolation]
    code = f"""
import os, subprocess, sys
if not os.fork():
    os.setsid()
    for number in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    if not os.fork():
        subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
        os.execvp("sleep", ["sleep", "{marker}"])
    os._exit(0)
"""
    files = a_project_that_runs(code + WORKS)
    repository = a_repository(tmp_path / "repository", files)
    async with a_builder(tmp_path / "root", isolation=isolation) as builder:
        await image_of(builder, a_build(repository, Kind.UV))

        assert processes_with(marker) == []


LEAVES_LINKS = """
import os, pathlib
place = pathlib.Path.cwd().parent
target = {victim!r}
for name in ("recipe", "jupyter", "result.json"):
    try:
        os.symlink(target, place / name)
    except OSError as exc:
        print("REFUSED", exc)
site = next(place.glob("env/lib/python3*/site-packages"))
info = site / "stolen-1.dist-info"
info.mkdir()
os.symlink(target, info / "METADATA")
(site / "broken-1.dist-info").mkdir()
(site / "broken-1.dist-info/METADATA").write_bytes(b"\\xff\\x00 no metadata")
(place / "env/conda-meta").mkdir()
(place / "env/conda-meta/x.json").write_text("no json")
os.symlink(target, place / "env/conda-meta/y.json")
"""


@pytest.mark.parametrize("isolation", ["auto", "landlock", "none"])
async def test_links_that_a_build_leaves_lead_the_export_nowhere(
    tmp_path: Path, isolation: IsolationChoice
) -> None:
    victim = tmp_path / "victim"
    victim.write_text(f"Metadata-Version: 2.1\nName: stolen\nVersion: {SECRET}\n")
    before = victim.read_text()
    code = LEAVES_LINKS.format(victim=str(victim)) + WORKS
    repository = a_repository(tmp_path / "repository", a_project_that_runs(code))
    async with a_builder(tmp_path / "root", isolation=isolation) as builder:
        image = await image_of(builder, a_build(repository, Kind.UV))

        assert [package.name for package in image.packages] == ["x"]
    assert victim.read_text() == before


async def test_a_definition_that_is_a_link_out_of_the_repository_is_not_read(
    tmp_path: Path,
) -> None:
    victim = tmp_path / "victim.toml"
    victim.write_text(f"key = {SECRET}")
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository/pyproject.toml").symlink_to(victim)
    repository = a_repository(tmp_path / "repository", {"README": ""})
    logs = KeptLogs()
    async with a_builder(tmp_path / "root", logs=logs) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.UV))

    assert failure.kind is FailureClass.BAD_DEFINITION
    assert (
        failure.message == "pyproject.toml is a link that leads out of the repository"
    )
    assert SECRET not in logs.text()


async def test_where_namespaces_are_wanted_nothing_less_will_do(tmp_path: Path) -> None:
    environment = {**PASSED, "PATH": "/nowhere"}
    if not await isolated_here(tmp_path):
        with pytest.raises(PermanentError, match="RELAUNCH_LOCAL_ISOLATION"):
            await find_isolation("namespaces", folder=tmp_path, environment=environment)
        return
    way = await find_isolation("namespaces", folder=tmp_path, environment=environment)
    assert way.namespaces


async def test_what_is_written_is_written_beside_no_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("before")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    write_anew(tmp_path / "link", "mine")

    assert (tmp_path / "victim").read_text() == "before"
    assert (tmp_path / "link").read_text() == "mine"


async def test_a_file_that_others_share_becomes_the_folders_own(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("shared")
    (tmp_path / "env").mkdir()
    (tmp_path / "env/file").hardlink_to(tmp_path / "cache")
    own_files(tmp_path / "env")
    with (tmp_path / "env/file").open("a") as file:
        file.write(" and changed")

    assert (tmp_path / "cache").read_text() == "shared"


async def test_only_plain_files_of_the_tree_are_read(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "victim").write_text("before")
    (tmp_path / "tree/link").symlink_to("../victim")
    os.mkfifo(tmp_path / "tree/pipe")
    for name in ("link", "pipe", "nothing"):
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system says
            read_within(tmp_path / "tree", tmp_path / "tree" / name, most=10)
    assert read_within(tmp_path, tmp_path / "tree/link", most=3) == b"bef"
