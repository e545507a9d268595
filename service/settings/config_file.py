"""The TOML file that `RELAUNCH_CONFIG` names."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ConfigFile", "read_config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """The content of a configuration file, or why it has none."""

    values: Mapping[str, Any]
    problem: str = ""


def read_config(path: Path) -> ConfigFile:
    """Read a configuration file; what is wrong with it is part of the answer."""
    try:
        return ConfigFile(values=tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as exc:
        problem = f"cannot be read: {exc.strerror}"
    except UnicodeDecodeError:
        problem = "is no text in UTF-8"
    except tomllib.TOMLDecodeError as exc:
        problem = f"is no TOML: {exc}"
    return ConfigFile(values={}, problem=f"{path} (RELAUNCH_CONFIG) {problem}")
