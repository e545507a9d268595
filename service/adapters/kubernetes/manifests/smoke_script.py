"""Import the declared distributions of an image, from inside the image.

It runs in the image's own Python of any version, in a session's environment, so it uses
the standard library only. Its argument is JSON: `distributions`, whether `all` of them
must be installed, and `message`, the file for the error message.
"""
# ruff: noqa: T201 - its output is its log

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

BYSTANDERS = {"benchmarks", "doc", "docs", "example", "examples", "scripts", "setup"}
BYSTANDERS |= {"test", "testing", "tests", "tools"}
"""Modules that many distributions install at the top level by mistake."""
MODULES = (".py", ".so", ".pyd")
BROKEN = (ImportError, SyntaxError, AttributeError, NameError, TypeError, ValueError)
"""Exceptions of broken or incompatible packages; others may come from something that
only a session has, such as a display."""
LONGEST = 2000
"""Characters of the error message; a termination message has room for 4 KiB."""
GRAPHICS = ("libcuda", "libnvidia", "nvml")
"""Drivers come from the node, not from the image."""


class Broken(Exception):  # noqa: N818 - the word of its sentence
    """The image does not work."""


def main(arguments: dict[str, Any]) -> int:
    """Import everything; return the exit code."""
    try:
        try_imports(arguments["distributions"], needs_all=arguments["all"])
    except Broken as exc:
        Path(arguments["message"]).write_text(f"smoke_failed: {exc}"[:LONGEST])
        print(f"smoke_failed: {exc}", flush=True)
        return 1
    print("nothing is missing", flush=True)
    return 0


def try_imports(names: list[str], *, needs_all: bool) -> None:
    """Import the modules of the declared distributions."""
    for name in names:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if needs_all:
                raise Broken(f"{name} is declared and not installed") from None
            print(f"{name}: no Python distribution of this name is installed")
            continue
        for module in sorted(modules(distribution)):
            # Printed before: a crash of the interpreter leaves no other trace.
            print(f"import {module} ({name})", flush=True)
            try_import(module, name)


def try_import(module: str, name: str) -> None:
    """Import one module; report why that fails."""
    try:
        importlib.import_module(module)
    except BROKEN as exc:
        if any(graphic in str(exc) for graphic in GRAPHICS):
            print(f"let pass: {exc}")
            return
        why = f"{type(exc).__name__}: {exc}"
        raise Broken(f"import {module} (of {name}) fails: {why}") from exc
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - modules raise anything
        print(f"let pass: {type(exc).__name__}: {exc}")


def modules(distribution: importlib.metadata.Distribution) -> set[str]:
    """Return the importable top-level modules of a distribution."""
    text = distribution.read_text("top_level.txt")
    if text is not None:
        names = {line.strip() for line in text.splitlines()}
    else:
        names = {top_of(path) for path in distribution.files or ()}
    return {
        name
        for name in names - BYSTANDERS
        if name and name.isidentifier() and not name.startswith("_")
    }


def top_of(path: importlib.metadata.PackagePath) -> str:
    """Return the top-level module of a path; empty when it is no module."""
    if path.suffix not in MODULES:
        return ""
    return path.parts[0].partition(".")[0] if len(path.parts) == 1 else path.parts[0]


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
