"""Read the form of a new launcher, and name all that is wrong with it at once."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from service.domain.launcher import RebuildSchedule, UpdatePolicy
from service.domain.rights.caller import ProjectId
from service.errors import InvalidRequestError
from service.usecases.environments.changer import DEFAULT_PLATFORM
from service.usecases.launcher_commands import NewLauncher

__all__ = ["FIELDS", "LABELS", "FormError", "parse_folder", "parse_form"]

LABELS: Final[Mapping[str, str]] = {
    "url": "Code repository",
    "revision": "Branch, tag or commit",
    "context_dir": "Folder of the definition",
    "frontend": "User interface",
    "name": "Name",
    "project": "Project",
    "policy": "When its environment changes",
    "resource_class_id": "Compute resources",
    "disk_storage": "Disk",
    "schedule": "Built anew",
    "command": "Command",
    "args": "Args",
}
"""The fields in their order on the page, by the names that people see."""
FIELDS: Final = tuple(LABELS)
_LONGEST_NAME: Final = 99
_LONGEST_NUMBER: Final = 9


class FormError(InvalidRequestError):
    """Fields of a form are wrong.

    Args:
        mistakes: What is wrong, by the name of the field.
    """

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        super().__init__(" ".join(mistakes.values()))
        self.mistakes = mistakes


def parse_form(
    given: Mapping[str, str], project: ProjectId, frontends: Collection[str]
) -> NewLauncher:
    """Return the command that a person has filled in.

    Raises:
        FormError: Something cannot be meant so.
    """
    read: dict[str, Any] = {}
    mistakes = {}
    for name, parse in _PARSERS.items():
        try:
            read[name] = parse(given[name])
        except ValueError as exc:
            mistakes[name] = str(exc)
    if given["frontend"] not in frontends:
        mistakes["frontend"] = f"{given['frontend'][:40]!r} is no choice."
    if mistakes:
        raise FormError(mistakes)
    return NewLauncher(
        project_id=project,
        repository=given["url"],
        revision=given["revision"],
        builder="python",
        frontend=given["frontend"],
        platform=DEFAULT_PLATFORM,
        **read,
    )


def parse_folder(text: str) -> str:
    """Return a folder of a repository; empty for its root.

    Raises:
        ValueError: It leads out of the repository.
    """
    folder = text.strip("/").removeprefix("./")
    if ".." in folder.split("/"):
        raise ValueError("Expected a folder of the repository, such as env.")
    return folder


def _parse_name(text: str) -> str:
    if not text or len(text) > _LONGEST_NAME or not text.isprintable():
        raise ValueError(
            f"Expected 1 to {_LONGEST_NAME} characters without control characters."
        )
    return text


def _parse_policy(text: str) -> UpdatePolicy:
    try:
        return UpdatePolicy(text or UpdatePolicy.AUTOMATIC.value)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no choice.") from None


def _parse_schedule(text: str) -> RebuildSchedule:
    try:
        return RebuildSchedule(text or RebuildSchedule.NEVER.value)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no choice.") from None


def _parse_number(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise ValueError("Expected a whole number.")
    return int(text)


def _parse_words(text: str) -> tuple[str, ...]:
    """Read a command as Renku takes it: a list of texts in JSON."""
    if not text:
        return ()
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, list) or not all(isinstance(item, str) for item in words):
        raise ValueError('Expected a list of texts in JSON, such as ["bash", "-c"].')
    return tuple(words)


_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "name": _parse_name,
    "context_dir": parse_folder,
    "policy": _parse_policy,
    "schedule": _parse_schedule,
    "disk_storage": _parse_number,
    "resource_class_id": _parse_number,
    "command": _parse_words,
    "args": _parse_words,
}
"""By the fields of the form, which are those of the command."""
