"""What stands below the packages: Python, git and certificates of this machine.

The Dockerfile takes them from a base image; where no engine runs, these are the same
programs of Debian, with the libraries that they load.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from scripts.image.packing import Link, Tree

__all__ = ["USER", "base"]

USER: Final = 10001
_UNUSED: Final = re.compile(
    r"(^|/)(test|tests|idlelib|lib2to3|tkinter|turtledemo|site-packages|ensurepip"
    r"|pydoc_data|config-[^/]*|__pycache__)(/|$)|\.(a|exe)$|lib-dynload/_(test|tkinter)"
)
_GIT: Final = ("git-remote-http", "git-remote-https", "git-sh-i18n", "git-sh-setup")
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_PASSWD: Final = (
    "root:x:0:0:root:/root:/bin/sh\n"
    f"relaunch:x:{USER}:{USER}:relaunch:/var/lib/relaunch:/bin/sh\n"
)
_PROGRAMS: Final = ("sh", "sleep")
"""A shell for git, and what a preStop hook calls."""


def base(loaded: Iterable[Path]) -> Tree:
    """Return the tree below the packages.

    Args:
        loaded: Files of the packages that load libraries of the system.
    """
    library = Path(sysconfig.get_path("stdlib"))
    python = Path(sys.base_prefix) / "bin" / f"python{sysconfig.get_python_version()}"
    modules = [
        path
        for path in library.rglob("*")
        if path.is_file() and not _UNUSED.search(str(path.relative_to(library)))
    ]
    programs = [python, *_git(), *(Path(f"/bin/{name}") for name in _PROGRAMS)]
    elf = [*programs, *(path for path in modules if path.suffix == ".so"), *loaded]
    tree: dict[str, Path | bytes | Link] = {
        "etc/passwd": _PASSWD.encode(),
        "etc/group": f"root:x:0:\nrelaunch:x:{USER}:\n".encode(),
        "etc/nsswitch.conf": b"hosts: files dns\n",
        "tmp/.keep": b"",
        "var/lib/relaunch/.keep": b"",
    }
    for path in (*modules, *programs, *_libraries(elf), _CERTIFICATES):
        if path.exists():
            tree[str(path).lstrip("/")] = path
    for name in ("python", "python3"):
        tree[f"usr/local/bin/{name}"] = Link(str(python))
    return tree


def _git() -> Iterator[Path]:
    command = ["git", "--exec-path"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - git itself
    yield Path(shutil.which("git") or "/usr/bin/git")
    for name in _GIT:
        yield Path(answer.stdout.strip()) / name


def _libraries(programs: Iterable[Path]) -> Iterator[Path]:
    """Yield the shared libraries that programs load; names of the loader itself too."""
    command = ["ldd", *map(str, programs)]
    # ldd fails for scripts among them, and goes on with the others.
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - files of ours
    for match in re.finditer(r"(?:=> )?(/\S+) \(0x", answer.stdout):
        yield Path(match[1])
