"""Processes of this machine, as Linux shows them."""

from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that a process has, and theirs."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    found: list[int] = []
    with suppress(OSError):
        found = [int(part) for part in path.read_text().split()]
    return [*found, *(inner for number in found for inner in children(number))]


def is_there(pid: int) -> bool:
    """Say whether a process runs."""
    with suppress(OSError):
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    return False


def memory(pid: int) -> int:
    """Return the bytes that a process and its children have in memory of their own."""
    total = 0
    for child in (pid, *children(pid)):
        with suppress(OSError):
            fields = Path(f"/proc/{child}/statm").read_text().split()
            total += (int(fields[1]) - int(fields[2])) * 4096
    return total


def name(pid: int) -> str:
    """Return the command line of a process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
