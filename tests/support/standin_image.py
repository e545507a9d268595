"""The image of the stand-in builder: Python, pip, git and busybox of this machine.

It is the builder, the run image and the git image at once. Nothing is downloaded:
it is made of files that are here, and pushed to the cluster's registry.
"""

import fcntl
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.support.standin.registry import (
    CONFIG,
    LAYER,
    MANIFEST,
    Registry,
    digest_of,
)

REPOSITORY: Final = "relaunch-tests/standin"
USER: Final = 1001
_STANDIN: Final = Path(__file__).parent / "standin"
_HERE: Final = "usr/lib/standin/tests/support/standin"
_UNUSED: Final = re.compile(
    r"(^|/)(test|tests|idlelib|lib2to3|tkinter|turtledemo|site-packages|ensurepip"
    r"|pydoc_data|config-[^/]*)(/|$)|\.opt-[12]\.pyc$|\.(a|exe)$|lib-dynload/_test"
)
_LOADED: Final = ("_bz2", "_ctypes", "_hashlib", "_lzma", "_ssl", "zlib")
"""Modules that need libraries, and that pip or we need."""
_GIT: Final = (
    "git-remote-http",
    "git-remote-https",
    "git-sh-i18n",
    "git-sh-i18n--envsubst",
    "git-sh-setup",
    "git-submodule",
)
_BUSYBOX: Final = Path("/bin/busybox")
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_PHASES: Final = (
    "analyzer",
    "detector",
    "restorer",
    "builder",
    "exporter",
    "creator",
)
_PASSWD: Final = (
    "root:x:0:0:root:/root:/bin/sh\ncnb:x:1001:1001::/home/cnb:/bin/sh\n"
    "renku:x:1000:1000::/home/renku:/bin/sh\n"
)
_PIP: Final = "usr/lib/standin-pip"
Tree = dict[str, Path | bytes]
"""What is where in the image: a file of this machine, or a text of our own."""


def standin_image(registry: str) -> str:
    """Return the image's name without its host; push it unless it is there."""
    if not _BUSYBOX.exists():
        pytest.skip("the stand-in builder needs /bin/busybox (Debian: busybox-static)")
    tree = _tree()
    tag = _fingerprint(tree)
    host = Registry(registry)
    with _one_at_a_time():
        if host.manifest(REPOSITORY, tag) is None:
            _push(host, tag, _layer(tree))
    return f"{REPOSITORY}:{tag}"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait for other workers: what two of them push need not have one digest.

    Files of this Python are compiled while it is read. Nodes keep the image that they
    pulled first, so a tag that moves names another image than the one that runs.
    """
    lock = Path(tempfile.gettempdir()) / "relaunch-tests-standin.lock"
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _tree() -> Tree:
    tree: Tree = {
        "etc/passwd": _PASSWD.encode(),
        "etc/group": b"root:x:0:\ncnb:x:1001:\nrenku:x:1000:\n",
        "etc/gitconfig": b"[safe]\n\tdirectory = *\n",
        "bin/busybox": _BUSYBOX,
        # Isolated: what the image sets for its own Python is not for the launcher's.
        "cnb/lifecycle/launcher": b"#!/usr/local/bin/python3 -I\n"
        + (_STANDIN / "launcher.py").read_bytes(),
        "cnb/lifecycle/lifecycle": b"#!/bin/sh\nexec python3 -s -m "
        b'tests.support.standin.lifecycle "${0##*/}" "$@"\n',
    }
    tree |= {f"{_HERE}/{path.name}": path for path in sorted(_STANDIN.glob("*.py"))}
    tree |= {
        f"usr/lib/standin/{name}/__init__.py": b""
        for name in ("tests", "tests/support")
    }
    tree |= {
        str(path).lstrip("/"): path for path in (*_python(), *_git(), *_certificates())
    }
    return tree | _pip()


def _python() -> Iterator[Path]:
    """Return the files of this Python, at the places where they are here."""
    library = Path(sysconfig.get_path("stdlib"))
    binary = Path(sys.base_prefix) / "bin" / f"python{sysconfig.get_python_version()}"
    yield binary
    loaded = [
        item for name in _LOADED for item in library.glob(f"lib-dynload/{name}.*so")
    ]
    yield from _libraries([binary, *loaded])
    for path in library.rglob("*"):
        if path.is_file() and not _UNUSED.search(str(path.relative_to(library))):
            yield path


def _pip() -> Tree:
    """Return pip at a place of its own: a checkout's may be hidden by a volume."""
    found = find_spec("pip")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent
    return {
        f"{_PIP}/pip/{path.relative_to(folder)}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _git() -> Iterator[Path]:
    core = Path(_said("git", "--exec-path"))
    git = Path(shutil.which("git") or "/usr/bin/git")
    found = [git, *(core / item for item in _GIT)]
    yield from found
    yield from _libraries(found)


def _certificates() -> Iterator[Path]:
    if _CERTIFICATES.exists():
        yield _CERTIFICATES


def _libraries(programs: Iterable[Path]) -> Iterator[Path]:
    """Return the shared libraries that programs load."""
    said = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=False
    ).stdout
    for line in said.splitlines():
        if match := re.search(r"(?:=> )?(/\S+) \(0x", line):
            yield Path(match[1])


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _fingerprint(tree: Tree) -> str:
    """Name the image by what is in it; files of the machine by size and time."""
    digest = hashlib.sha256()
    for name, content in sorted(tree.items()):
        if isinstance(content, Path) and content.parent != _STANDIN:
            about = content.stat()
            marks = f"{about.st_size} {about.st_mtime_ns}".encode()
        else:
            marks = content if isinstance(content, bytes) else content.read_bytes()
        digest.update(name.encode() + b"\0" + marks + b"\0")
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()[:16]


def _layer(tree: Tree) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name in sorted(_folders(tree)):
            _add(archive, name, kind=tarfile.DIRTYPE, mode=0o755)
        _add(archive, "tmp", kind=tarfile.DIRTYPE, mode=0o1777)
        for name, content in sorted(tree.items()):
            _add_file(archive, name, content)
        for name, target in _links().items():
            if name not in tree:
                _add(archive, name, kind=tarfile.SYMTYPE, target=target)
    return raw.getvalue()


def _folders(tree: Tree) -> set[str]:
    made = {"workspace", "layers", "platform", "home/cnb", "home/renku", "usr/bin"}
    made.add("usr/local/bin")
    named = {str(up) for name in tree for up in Path(name).parents}
    above = {str(up) for name in made for up in Path(name).parents}
    return (made | named | above) - {"."}


def _links() -> Mapping[str, str]:
    python = Path(sys.base_prefix) / "bin" / f"python{sysconfig.get_python_version()}"
    applets = _said(str(_BUSYBOX), "--list").split()
    links = {f"bin/{applet}": "busybox" for applet in applets if applet != "busybox"}
    links |= {f"cnb/lifecycle/{phase}": "lifecycle" for phase in _PHASES}
    links |= {f"usr/local/bin/{name}": str(python) for name in ("python", "python3")}
    links["usr/bin/env"] = "/bin/busybox"
    return links


def _add_file(archive: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    info = tarfile.TarInfo(name)
    data = content if isinstance(content, bytes) else content.read_bytes()
    info.size = len(data)
    is_program = data[:2] == b"#!" or data[:4] == b"\x7fELF"
    info.mode = 0o755 if is_program else 0o644
    if isinstance(content, Path):
        info.mtime = int(content.stat().st_mtime)  # compiled files name their source's
    archive.addfile(info, io.BytesIO(data))


def _add(
    archive: tarfile.TarFile,
    name: str,
    *,
    kind: bytes,
    mode: int = 0o777,
    target: str = "",
) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, target
    archive.addfile(info)


def _push(registry: Registry, tag: str, layer: bytes) -> None:
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    config = json.dumps(_config(digest_of(layer))).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _described(CONFIG, config),
        "layers": [_described(LAYER, packed)],
    }
    for data in (packed, config):
        registry.push_blob(REPOSITORY, data)
    registry.push_manifest(REPOSITORY, tag, json.dumps(manifest).encode())


def _config(diff_id: str) -> dict[str, object]:
    paths = f"/usr/lib/standin:/{_PIP}"
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "Env": [
                "PATH=/usr/local/bin:/usr/bin:/bin",
                f"CNB_USER_ID={USER}",
                f"CNB_GROUP_ID={USER}",
                f"PYTHONPATH={paths}",
                "PYTHONDONTWRITEBYTECODE=1",
                "PYTHONUNBUFFERED=1",
            ],
            "Cmd": ["sh"],
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }


def _described(kind: str, data: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}
