"""The files that phases leave for each other.

platform/files of buildpacks/lifecycle 0.20.x;
https://github.com/buildpacks/spec/blob/main/platform.md#data-format
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzed:
    """What analyze found: analyzed.toml."""

    run_image: str = ""
    previous_image: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The label of the previous image."""


def write_analyzed(path: Path, found: Analyzed) -> None:
    path.write_text(
        f"metadata = {_inline(found.metadata)}\n"
        f"[image]\nreference = {_inline(found.previous_image)}\n"
        f"[run-image]\nreference = {_inline(found.run_image)}\n"
    )


def read_analyzed(path: Path) -> Analyzed:
    """Read it; one that is not there is empty (handle_toml.go ReadAnalyzed)."""
    if not path.exists():
        return Analyzed()
    told = tomllib.loads(path.read_text())
    return Analyzed(
        run_image=told.get("run-image", {}).get("reference", ""),
        previous_image=told.get("image", {}).get("reference", ""),
        metadata=told.get("metadata", {}),
    )


def write_group(path: Path, buildpacks: Sequence[str]) -> None:
    path.write_text(
        "".join(
            f'[[group]]\nid = {_inline(each)}\nversion = "1.0"\napi = "0.10"\n'
            for each in buildpacks
        )
    )


def read_group(path: Path) -> Sequence[str]:
    return [each["id"] for each in tomllib.loads(path.read_text())["group"]]


def read_project(path: Path) -> Mapping[str, Any]:
    """Read project-metadata.toml; empty when there is none."""
    return tomllib.loads(path.read_text()) if path.exists() else {}


def _inline(value: object) -> str:
    """Write a value of JSON as TOML 1.0 knows it: on one line."""
    match value:
        case Mapping():
            pairs = (f"{json.dumps(k)} = {_inline(v)}" for k, v in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case str() | bool() | int():
            return json.dumps(value)
        case Sequence():
            return f"[{', '.join(map(_inline, value))}]"
        case _:
            raise TypeError(f"TOML has no {value!r}")
