"""Tries an image from the inside: its imports, then its frontend.

Runs in the image's own Python, whichever that is, so it knows nothing but the standard
library. Told as JSON: `distributions`, whether `all` of them have to be there,
`frontend` (`none` for none), `url`, `seconds` to wait for the frontend, `message`: the
file that takes the sentence why it failed.
"""
# ruff: noqa: T201 - what it prints is its log

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

PROCESSES = Path("/cnb/process")
"""Renku's buildpacks name the process for its frontend."""
BYSTANDERS = {"benchmarks", "doc", "docs", "example", "examples", "scripts", "setup"}
BYSTANDERS |= {"test", "testing", "tests", "tools"}
"""Modules that many distributions leave at the top by mistake; nobody imports them."""
MODULES = (".py", ".so", ".pyd")
BROKEN = (ImportError, SyntaxError, AttributeError, NameError, TypeError, ValueError)
"""What broken or unfitting packages raise; anything else may want what only a session
has, such as a display."""
LONGEST = 2000
"""Characters of the sentence; a termination message has room for 4 KiB."""
GRAPHICS = ("libcuda", "libnvidia", "nvml")
"""Drivers come with the machine, not with the image."""


class Broken(Exception):  # noqa: N818 - the word of its sentence
    """The image does not do what it is for."""


def main(told: dict[str, Any]) -> int:
    """Try everything; the exit code says whether it works."""
    try:
        try_imports(told["distributions"], needs_all=told["all"])
        if told["frontend"] != "none":
            try_frontend(told["frontend"], told["url"], told["seconds"])
    except Broken as exc:
        Path(told["message"]).write_text(f"smoke_failed: {exc}"[:LONGEST])
        print(f"smoke_failed: {exc}", flush=True)
        return 1
    print("the image works", flush=True)
    return 0


def try_imports(names: list[str], *, needs_all: bool) -> None:
    """Import what the declared distributions bring along."""
    for name in names:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if needs_all:
                raise Broken(f"{name} is declared and not installed") from None
            print(f"{name}: no Python distribution of this name is installed")
            continue
        for module in sorted(modules(distribution)):
            # Said before: a crash of the interpreter leaves no other trace.
            print(f"import {module} ({name})", flush=True)
            try_import(module, name)


def try_import(module: str, name: str) -> None:
    """Import one module, and say what is missing."""
    try:
        importlib.import_module(module)
    except BROKEN as exc:
        if any(it in str(exc) for it in GRAPHICS):
            print(f"let pass: {exc}")
            return
        why = f"{type(exc).__name__}: {exc}"
        raise Broken(f"import {module} (of {name}) fails: {why}") from exc
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - modules raise anything
        print(f"let pass: {type(exc).__name__}: {exc}")


def modules(distribution: importlib.metadata.Distribution) -> set[str]:
    """Return the names at the top of a distribution that can be imported."""
    said = distribution.read_text("top_level.txt")
    if said is not None:
        found = {line.strip() for line in said.splitlines()}
    else:
        found = {top_of(path) for path in distribution.files or ()}
    return {
        it
        for it in found - BYSTANDERS
        if it and it.isidentifier() and not it.startswith("_")
    }


def top_of(path: importlib.metadata.PackagePath) -> str:
    """Name the module at the top of a path; empty when there is none."""
    if path.suffix not in MODULES:
        return ""
    return path.parts[0].partition(".")[0] if len(path.parts) == 1 else path.parts[0]


def try_frontend(frontend: str, url: str, seconds: int) -> None:
    """Start the frontend as a session does, and ask it for its first page."""
    program = str(PROCESSES / frontend)
    try:
        process = subprocess.Popen([program], start_new_session=True)  # noqa: S603 - the image's own
    except OSError as exc:
        raise Broken(f"the frontend {frontend} cannot be started: {exc}") from exc
    try:
        wait_for(process, frontend, url, time.monotonic() + seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(
    process: subprocess.Popen[bytes], frontend: str, url: str, until: float
) -> None:
    """Return once the frontend answers."""
    last: str | None = "nothing listens there"
    while time.monotonic() < until:
        try:
            ended = process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            last = answer(url)
            if last is None:
                return
        else:
            raise Broken(f"the frontend {frontend} ended by itself with {ended}")
    raise Broken(f"the frontend {frontend} does not answer at {url}: {last}")


def answer(url: str) -> str | None:
    """Say why a page is no answer; None when it is one."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - its own address
            return None
    except urllib.error.HTTPError as exc:
        is_answer = exc.code < HTTPStatus.INTERNAL_SERVER_ERROR
        return None if is_answer else f"HTTP {exc.code}"
    except OSError as exc:
        return str(exc)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
