"""Translate the messages of the REST API into options of the command line.

The service names fields of its JSON; a person typed options.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

__all__ = ["in_options", "options_in"]

_BEGINNING: Final = "There are errors in the following fields, "
_OPTIONS: Final[Mapping[str, str]] = {
    "name": "the name",
    "project_id": "--project",
    "description": "--description",
    "resource_class_id": "--resource-class",
    "update_policy": "--policy",
    "rebuild_schedule": "--rebuild-schedule",
    "repository": "the repository",
    "repository_revision": "--revision",
    "context_dir": "--context-dir",
    "frontend_variant": "--frontend",
    "command": "--command",
    "args": "--arg",
    "forge": "--forge",
    "proof": "--proof",
    "reach": "--reach",
    "paste": "--paste",
    "limit": "--limit",
    "classes": "--class",
    "since": "--since",
    "per_page": "--limit",
    "max_lines": "--lines",
}
_FIELD: Final = re.compile(r"(?<![^ ])((?:\w+\.)*)([a-z_]+)(?:\.\d+)*: ")


_PAIR: Final = re.compile(r'"([a-z_]+)": "(\w+)"')
"""A field with its value, as it stands in JSON."""
_NAMED: Final = re.compile(
    f"(?<![^ ])({'|'.join(re.escape(option) for option in _OPTIONS.values())}): "
)


def in_options(message: str) -> str:
    """Write the fields that a refusal names as the options that give them."""
    message = _PAIR.sub(_pair, message)
    if not message.startswith(_BEGINNING):
        return message
    return _FIELD.sub(_option, message.removeprefix(_BEGINNING))


def options_in(message: str) -> Collection[str]:
    """Return the options that a refusal names, written by `in_options`."""
    return frozenset(_NAMED.findall(message))


def _pair(found: re.Match[str]) -> str:
    option = _OPTIONS.get(found[1])
    return f"{option} {found[2]}" if option else found[0]


def _option(found: re.Match[str]) -> str:
    option = _OPTIONS.get(found[2])
    return f"{option}: " if option else found[0]
