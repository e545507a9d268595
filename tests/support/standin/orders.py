"""Ways of going wrong that a repository asks for, in its file `.standin`.

One order a line: the phase, a verb, and what the verb needs:

    build say ERROR: something went wrong
    build exit 51
    build memory        takes memory until it is killed
    build disk /layers  writes 64 MiB, and waits
    build sleep 600
    build write /layers/x   overwrites a file, and says whether that worked
    build environment   says its variables, and what it can read of secrets
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

FILE = ".standin"
_MIB = 1024 * 1024


def obey(app: Path, phase: str) -> None:
    """Do what the repository asks for in a phase."""
    path = app / FILE
    if not path.is_file():
        return
    for line in path.read_text().splitlines():
        asked, _, rest = line.partition(" ")
        verb, _, what = rest.partition(" ")
        if asked == phase:
            VERBS[verb](what)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _leave(code: str) -> None:
    sys.exit(int(code))


def _take_memory(_: str) -> None:
    taken = []
    while True:
        taken.append(bytearray(os.urandom(4096)) * (16 * _MIB // 4096))


def _fill_disk(folder: str) -> None:
    with (Path(folder) / "filling").open("wb") as file:
        file.write(bytes(64 * _MIB))
    time.sleep(600)


def _show_environment(_: str) -> None:
    for name, value in sorted(os.environ.items()):  # noqa: TID251 - to show that
        say(f"{name}={value}")
    for path in ("/var/run/secrets", os.environ.get("DOCKER_CONFIG", "")):  # noqa: TID251
        for found in Path(path).rglob("*") if path else ():
            say(f"readable: {found}")


def _write(path: str) -> None:
    try:
        Path(path).write_text('[run-image]\nreference = "forged"\n')
    except OSError:
        say(f"cannot write {path}")
    else:
        say(f"wrote {path}")


VERBS: Mapping[str, Callable[[str], None]] = {
    "say": say,
    "exit": _leave,
    "memory": _take_memory,
    "disk": _fill_disk,
    "sleep": lambda seconds: time.sleep(float(seconds)),
    "write": _write,
    "environment": _show_environment,
}
