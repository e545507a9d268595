"""Tries an image from the inside: what it declares is imported.

Runs in the image's own Python, whichever that is, in a session's environment, so it
knows nothing but the standard library. Told as JSON: `distributions`, whether `all` of
them have to be there, `message`: the file that takes the sentence why it failed.
"""
# ruff: noqa: T201 - what it prints is its log

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

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
    """Import everything; the exit code says whether it works."""
    try:
        try_imports(told["distributions"], needs_all=told["all"])
    except Broken as exc:
        Path(told["message"]).write_text(f"smoke_failed: {exc}"[:LONGEST])
        print(f"smoke_failed: {exc}", flush=True)
        return 1
    print("nothing is missing", flush=True)
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


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
