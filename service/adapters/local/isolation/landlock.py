"""Run one command that may open only the files it needs, by Landlock.

`python -I -S landlock.py RULES COMMAND…`, with the standard library alone: the file is
a program of its own, because the restriction lasts as long as the process.

Landlock needs no privilege and no namespace, so it works in most containers. It leaves
more open than namespaces do: paths can be seen by whoever knows them, modes and owners
changed, other processes listed, and sockets on a path connected to. Before Linux 6.12
signals reach the service's other processes.

https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import errno
import json
import os
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import TypedDict

__all__ = ["Rules", "main", "without"]

_LIBC = ctypes.CDLL(None, use_errno=True)

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_FEWEST = 3
"""Linux 6.2. Before it, truncating a file could not be forbidden."""
_SCOPES = 6
"""Linux 6.12: the version that keeps signals and abstract sockets inside."""
_SCOPED = 0b11

_EXECUTE, _WRITE, _READ, _LIST, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_ALL = (1 << 15) - 1
"""Every right of version 3: from executing to truncating."""
_READABLE = _EXECUTE | _READ | _LIST
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE
"""The rights that the kernel takes for a path that is no folder."""


class Rules(TypedDict):
    """What a command may open."""

    read: list[str]
    """Files and folders that it may read and execute."""
    write: list[str]
    """Files and folders with which it may do everything."""


def main() -> int:
    """Restrict this process and become the command."""
    rules: Rules = json.loads(sys.argv[1])
    command = sys.argv[2:]
    try:
        _restrict(rules)
    except OSError as exc:
        sys.stderr.write(f"the build cannot be isolated: {exc}\n")
        return 1
    try:
        os.execvp(command[0], command)  # noqa: S606 - a command of ours
    except OSError as exc:
        sys.stderr.write(f"{command[0]} cannot be started: {exc}\n")
        return 127


def without(paths: Iterable[str], hidden: Iterable[str]) -> Iterator[str]:
    """Yield paths that cover the given ones except what is hidden.

    A rule of Landlock covers all that is below its path, so a folder with something
    hidden in it is replaced by its other entries.
    """
    secrets = {os.path.realpath(path) for path in hidden}
    for path in paths:
        yield from _around(path, secrets)


def _around(path: str, hidden: set[str]) -> Iterator[str]:
    real = os.path.realpath(path)
    if any(_is_within(real, secret) for secret in hidden):
        return
    if not any(_is_within(secret, real) for secret in hidden):
        yield path
        return
    for name in sorted(os.listdir(real)):
        # A link leads elsewhere, and whatever that is has to be named itself.
        if not os.path.islink(entry := os.path.join(real, name)):
            yield from _around(entry, hidden)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _restrict(rules: Rules) -> None:
    version = _call("landlock", _CREATE, None, ctypes.c_size_t(0), _VERSION)
    if version < _FEWEST:
        reason = f"the kernel has Landlock {version}, and {_FEWEST} is needed"
        raise OSError(errno.ENOSYS, reason)
    # struct landlock_ruleset_attr: rights for files, rights for the network, scopes. An
    # older kernel refuses a structure that is longer than its own.
    attributes = struct.pack("=Q", _ALL)
    if version >= _SCOPES:
        attributes += struct.pack("=QQ", 0, _SCOPED)
    size = ctypes.c_size_t(len(attributes))
    ruleset = _call("landlock", _CREATE, attributes, size, 0)
    for path in rules["read"]:
        _allow(ruleset, path, _READABLE)
    for path in rules["write"]:
        _allow(ruleset, path, _ALL)
    nothing = ctypes.c_ulong(0)
    one = ctypes.c_ulong(1)
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, one, nothing, nothing, nothing)
    _call("landlock", _RESTRICT, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return  # what this user cannot open needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            rights &= _OF_FILES
        # struct landlock_path_beneath_attr
        rule = struct.pack("=Qi", rights, file)
        _call(path, _ADD, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(file)


def _call(what: str, number: int, *arguments: object) -> int:
    done = int(_LIBC.syscall(ctypes.c_long(number), *arguments))
    if done < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return done


if __name__ == "__main__":
    sys.exit(main())
