"""Run one command in Linux namespaces, where it sees only what it needs.

`python -I -S sandbox.py SPEC COMMAND…`, with the standard library alone: the file is a
program of its own, because it changes the process that it runs in.

The command gets a root folder made of the paths in the spec, read-only or writable. In
its own PID namespace it sees no other process and leaves none behind: when it ends,
the kernel kills the rest. It has no capabilities and cannot gain any, and it dies with
the process that started it.

https://man7.org/linux/man-pages/man7/mount_namespaces.7.html
https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
https://man7.org/linux/man-pages/man7/user_namespaces.7.html
"""

import ctypes
import json
import os
import re
import resource
import signal
import sys
from contextlib import suppress
from typing import NoReturn, TypedDict

__all__ = ["SandboxSpec", "main"]

_LIBC = ctypes.CDLL(None, use_errno=True)

_NEWNS, _NEWIPC, _NEWUSER, _NEWPID = 0x20000, 0x8000000, 0x10000000, 0x20000000
_NOSUID, _NODEV, _NOEXEC = 2, 4, 8
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 0x40000
_DETACH = 2
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_RECURSIVE, _SYS_MOUNT_SETATTR = -100, 0x8000, 442
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_CAPABILITY_VERSION_3 = 0x20080522

_TEMPORARY = ("/tmp/", "/var/tmp/")  # noqa: S108 - of the command's own
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_KERNEL = ("sys", "sysrq-trigger", "irq", "bus", "fs")
"""Paths below /proc that root may write to without any capability."""

_COUNTS_APART = (6, 14)
_FEWEST = 400
"""The kernel refuses a `pid_max` below 301."""


class SandboxSpec(TypedDict):
    """How a command is run."""

    parent: int
    """The process that starts the command, which dies with it."""
    namespaces: bool
    """Whether to isolate it; without, only the limits below apply."""
    as_user: bool
    """Whether a user namespace is needed to create the others."""
    root: str
    """An empty folder, to mount the root on."""
    temporary: str
    """The folder that it sees as /tmp."""
    read: list[str]
    """Files and folders that it may read, parents before their content."""
    hidden: list[str]
    """Exceptions from `read`."""
    lent: list[str]
    """Exceptions from `hidden`: readable again."""
    write: list[str]
    """Folders that it may write to, parents before their content."""
    overlays: list[tuple[str, str, str, str]]
    """Folders with private changes: the lower folder, the upper one that receives the
    changes, the work folder of overlayfs, and the path at which it sees them."""
    shared_memory: int
    file_size: int
    """Bytes of the largest file it may write."""
    processes: int
    """How many processes and threads it may have."""
    nice: int


def main() -> int:
    """Run the command; return its exit status, 128 and the signal that ended it."""
    spec: SandboxSpec = json.loads(sys.argv[1])
    command = sys.argv[2:]
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The starter may have died before PDEATHSIG was set; nobody would end the command
    # then.
    if os.getppid() != spec["parent"]:
        return 1
    _stay_behind(spec)
    if not spec["namespaces"]:
        _limit(spec)
        _drop_rights()
        os.execvp(command[0], command)  # noqa: S606 - a command of ours
    _leave(as_user=spec["as_user"])
    # `unshare(CLONE_NEWPID)` changes only the namespace of children: the first of them
    # is its init, and its end kills all others.
    init = os.fork()
    if init:
        return os.waitstatus_to_exitcode(os.waitpid(init, 0)[1])
    try:
        os._exit(_begin(spec, command))
    except OSError as exc:
        sys.stderr.write(f"the build cannot be isolated: {exc}\n")
        sys.stderr.flush()
        os._exit(1)


def _begin(spec: SandboxSpec, command: list[str]) -> int:
    """Be the init process of the namespace: start the command and reap orphans."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The path is the same inside, but the root changes below it: it has to be entered
    # again.
    cwd = os.getcwd()
    _make_root(spec)
    os.chdir(cwd)
    _limit(spec)
    _drop_rights()
    # The command is not init itself: as process 1 it would get no default handlers for
    # signals and would have to reap orphans.
    first = os.fork()
    if not first:
        _execute(command)
    # After the fork: the command runs as the same user and must not trace this process.
    _prctl(_PR_SET_DUMPABLE, 0)
    while True:
        pid, status = os.wait()
        if pid == first:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _execute(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)  # noqa: S606 - a command of ours
    except OSError as exc:
        sys.stderr.write(f"{command[0]} cannot be started: {exc}\n")
        sys.stderr.flush()
        os._exit(127)


def _leave(*, as_user: bool) -> None:
    """Move this process into new namespaces."""
    user, group = os.getuid(), os.getgid()
    _check("unshare", _LIBC.unshare(_NEWNS | _NEWPID | _NEWIPC | (_NEWUSER * as_user)))
    if as_user:
        # The kernel lets an unprivileged process map groups only after that:
        # https://man7.org/linux/man-pages/man7/user_namespaces.7.html
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")


def _make_root(spec: SandboxSpec) -> None:
    root = spec["root"]
    # Mount events are shared by default under systemd: without this the mounts below
    # would appear on the whole machine.
    _mount("none", "/", None, _REC | _PRIVATE)
    _mount("root", root, "tmpfs", _NOSUID | _NODEV, "mode=0755,size=16m")
    # First, because the paths that follow may be below /tmp.
    for target in ("/tmp", "/var/tmp"):  # noqa: S108 - of its own
        _bind(spec["temporary"], _folder(root + target))
    # Links last: by then their targets are mostly mounted, with their parents.
    for path in sorted(spec["read"], key=os.path.islink):
        _show(root, path)
    for path in spec["hidden"]:
        _hide(root + path)
    for path in spec["lent"]:
        _bind(path, _make_mount_point(root, path, path), _ATTR_RDONLY)
    for path in spec["write"]:
        _bind(path, _make_mount_point(root, path, path))
    for lower, upper, work, target in spec["overlays"]:
        _overlay(lower, upper, work, _folder(root + target))
    _make_devices(root, spec["shared_memory"])
    _show_processes(root, spec["processes"])
    # Last, and not recursive: everything has been mounted by now, and writable folders
    # stay writable.
    _set_flags(root, _ATTR_RDONLY, recursive=False)
    _enter(root)


def _show_processes(root: str, most: int) -> None:
    _mount("proc", _folder(root + "/proc"), "proc", _NOSUID | _NODEV | _NOEXEC)
    _limit_processes(root, most)
    for name in _KERNEL:
        path = f"{root}/proc/{name}"
        if os.path.exists(path):
            _bind(path, path, _ATTR_RDONLY)


def _limit_processes(root: str, most: int) -> None:
    """Limit the processes of the namespace, where the kernel supports that.

    https://docs.kernel.org/admin-guide/sysctl/kernel.html#pid-max
    """
    # RLIMIT_NPROC does not apply to root. Before Linux 6.14, `pid_max` was one number
    # for the whole machine, which must not be changed here.
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if release and (int(release[1]), int(release[2])) >= _COUNTS_APART:
        with suppress(OSError):
            _write(f"{root}/proc/sys/kernel/pid_max", str(max(most, _FEWEST)))


def _enter(root: str) -> None:
    os.chdir(root)
    # pivot_root(".", ".") stacks the old root on the new one, to be unmounted there:
    # https://man7.org/linux/man-pages/man2/pivot_root.2.html
    _check("pivot_root", _LIBC.pivot_root(b".", b"."))
    _check("umount2", _LIBC.umount2(b".", _DETACH))
    os.chdir("/")


def _show(root: str, path: str) -> None:
    """Make a file or folder of the system readable at its own path."""
    # Below /tmp, an earlier command of the build may have left a link at the mount
    # point, which must not be followed.
    if path.startswith(_TEMPORARY):
        _remove_links(root, path)
    elif os.path.lexists(root + path):
        return
    if os.path.islink(path):
        _folder(os.path.dirname(root + path))
        os.symlink(os.readlink(path), root + path)
        _show(root, os.path.realpath(path))
    elif os.path.exists(path):
        _bind(path, _make_mount_point(root, path, path), _ATTR_RDONLY)


def _remove_links(root: str, path: str) -> None:
    place = root
    for name in path.strip("/").split("/"):
        place = f"{place}/{name}"
        if os.path.islink(place):
            os.unlink(place)


def _hide(path: str) -> None:
    """Mount something empty over a path."""
    if os.path.isdir(path):
        _mount("hidden", path, "tmpfs", _NOSUID | _NODEV, "mode=0755,size=1m")
    elif os.path.exists(path):
        _bind("/dev/null", path, _ATTR_RDONLY)


def _make_devices(root: str, shared_memory: int) -> None:
    folder = _folder(root + "/dev")
    _mount("dev", folder, "tmpfs", _NOSUID, "mode=0755,size=1m")
    for name in _DEVICES:
        if os.path.exists(f"/dev/{name}"):
            target = _make_mount_point(root, f"/dev/{name}", f"/dev/{name}")
            _mount(f"/dev/{name}", target, None, _BIND)
    for name, number in (
        ("fd", ""),
        ("stdin", "/0"),
        ("stdout", "/1"),
        ("stderr", "/2"),
    ):
        os.symlink(f"/proc/self/fd{number}", f"{folder}/{name}")
    options = f"mode=1777,size={shared_memory}"
    _mount("shm", _folder(f"{folder}/shm"), "tmpfs", _NOSUID | _NODEV, options)


def _overlay(lower: str, upper: str, work: str, target: str) -> None:
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    try:
        # In a user namespace overlayfs needs `userxattr` (Linux 5.11); with real root
        # it may be unknown, hence the second try.
        _mount("cache", target, "overlay", _NOSUID | _NODEV, f"{options},userxattr")
    except OSError:
        _mount("cache", target, "overlay", _NOSUID | _NODEV, options)


def _make_mount_point(root: str, target: str, like: str) -> str:
    """Create a mount point: a folder for a folder, a file for a file."""
    place = root + target
    if os.path.isdir(like):
        return _folder(place)
    _folder(os.path.dirname(place))
    if not os.path.lexists(place):
        with open(place, "wb"):
            pass
    return place


def _folder(path: str) -> str:
    os.makedirs(path, exist_ok=True)
    return path


def _bind(source: str, target: str, flags: int = 0) -> None:
    _mount(source, target, None, _BIND | _REC)
    _set_flags(target, flags | _ATTR_NOSUID | _ATTR_NODEV, recursive=True)


def _set_flags(path: str, flags: int, *, recursive: bool) -> None:
    """https://man7.org/linux/man-pages/man2/mount_setattr.2.html."""
    # A remount with MS_BIND changes only the top mount; mount_setattr (Linux 5.12)
    # changes all below it as well.
    attributes = (ctypes.c_uint64 * 4)(flags, 0, 0, 0)
    done = _LIBC.syscall(
        _SYS_MOUNT_SETATTR,
        _AT_FDCWD,
        os.fsencode(path),
        _AT_RECURSIVE if recursive else 0,
        attributes,
        ctypes.sizeof(attributes),
    )
    _check(f"mount_setattr {path}", done)


def _mount(
    source: str, target: str, kind: "str | None", flags: int, data: str = ""
) -> None:
    done = _LIBC.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind and kind.encode(),
        ctypes.c_ulong(flags),
        os.fsencode(data) or None,
    )
    _check(f"mount {target}", done)


def _stay_behind(spec: SandboxSpec) -> None:
    """Lower the priority, and be the OOM killer's first choice."""
    with suppress(OSError):
        os.nice(spec["nice"])
    with suppress(OSError):
        _write("/proc/self/oom_score_adj", "500")


def _limit(spec: SandboxSpec) -> None:
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: spec["file_size"]}
    # Outside a user namespace, the limit counts all processes of the user.
    if spec["as_user"]:
        limits[resource.RLIMIT_NPROC] = spec["processes"]
    for which, value in limits.items():
        most = resource.getrlimit(which)[1]
        limit = value if most == resource.RLIM_INFINITY else min(value, most)
        with suppress(OSError, ValueError):
            resource.setrlimit(which, (limit, limit))


def _drop_rights() -> None:
    """https://man7.org/linux/man-pages/man7/capabilities.7.html."""
    for capability in range(64):
        _prctl(_PR_CAPBSET_DROP, capability)
    # Also for setuid programs of the system, which are readable in the sandbox.
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check("capset", _LIBC.capset(header, (ctypes.c_uint32 * 6)()))


def _prctl(option: int, value: int) -> None:
    nothing = ctypes.c_ulong(0)
    _LIBC.prctl(option, ctypes.c_ulong(value), nothing, nothing, nothing)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _check(what: str, done: int) -> None:
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main())
