"""Launchers in the API's fields: found, read, and written."""

import re
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from service.cli.answer import Answer
from service.cli.client import Client
from service.cli.output import waiting_line
from service.errors import ConflictError, InvalidRequestError, NotFoundError

__all__ = [
    "changes",
    "creation",
    "find_launcher",
    "image_of",
    "latest_of",
    "repository_url",
    "state_of",
]

_ULID: Final = re.compile("[0-9A-Za-z]{26}")

Given = Mapping[str, str | int | tuple[str, ...] | None]
"""Options and arguments of a command, by name."""

NEAREST_OF: Final = 100
"""Among how many of the newest launchers a name is looked for that was mistyped."""

NOT_BUILT: Final = "image:unknown-at-the-moment"
"""Renku's word for an environment that was never built."""


async def find_launcher(client: Client, text: str) -> Answer:
    """Return the launcher of an id or a name.

    Raises:
        NotFoundError: There is none.
        ConflictError: Several have the name.
    """
    if _ULID.fullmatch(text):
        with suppress(NotFoundError):
            return await client.get("session_launchers", text)
    found = await client.list("session_launchers", name=text)
    if not found:
        others = await client.list("session_launchers", page=1, per_page=NEAREST_OF)
        near = get_close_matches(text, [it.text("name") for it in others], n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise NotFoundError(
            f"there is no launcher {text!r}; {hint}`relaunch launcher list` shows "
            "them all"
        )
    if len(found) > 1:
        ids = ", ".join(it.text("id") for it in found)
        raise ConflictError(f"{len(found)} launchers are named {text!r}: {ids}")
    return found[0]


def image_of(it: Answer) -> str:
    """Return the image a launcher starts from; empty when it was never built."""
    image = it.inner("environment").text("container_image")
    return "" if image == NOT_BUILT else image


def state_of(it: Answer) -> str:
    """Say in two words how a launcher's image compares with what it follows."""
    if not image_of(it):
        return "not built"
    if it.has("available_image"):
        return "image available"
    return "outdated" if it.text("outdated") == "yes" else "up to date"


def latest_of(it: Answer) -> str:
    """Say how a launcher's newest build fares: why it failed, or what it waits for."""
    build = it.inner("latest_build")
    why = build.inner("failure").text("message")
    state = build.text("state")
    told = f"{state}: {why}" if why else state
    return waiting_line(build.inner("waiting")) or told


def repository_url(text: str) -> str:
    """Return a repository's URL; a folder of this machine becomes a `file://` one."""
    if "://" in text:
        return text
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise InvalidRequestError(
            f"{text!r} is neither a folder nor a URL; expected https://…, http://… or "
            "file://…"
        )
    return folder.resolve().as_uri()


def creation(given: Given) -> dict[str, object]:
    """Write what `launcher add` was told as a request."""
    environment = {
        "environment_image_source": "build",
        "repository": repository_url(str(given["repository"])),
        "repository_revision": given["revision"],
        "context_dir": given["context_dir"],
        "builder_variant": "python",
        "frontend_variant": given["frontend"] or "jupyterlab",
        "command": list(_words(given["command"])),
        "args": list(_words(given["args"])),
    }
    body = {
        "name": given["name"],
        "project_id": given["project"],
        "description": given["description"],
        "resource_class_id": given["resource_class"],
        "update_policy": given["policy"],
        "environment": {key: it for key, it in environment.items() if it},
    }
    return _given(body)


def _words(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def changes(given: Given) -> dict[str, object]:
    """Write what `launcher edit` was told as a request; what was not told stays."""
    repository = given["repository"]
    parameters = {
        "repository": repository_url(str(repository)) if repository else None,
        "repository_revision": given["revision"],
        "context_dir": given["context_dir"],
        "frontend_variant": given["frontend"],
    }
    environment = {
        "build_parameters": _given(parameters) or None,
        "command": list(_words(given["command"])) or None,
        "args": list(_words(given["args"])) or None,
    }
    return _given(
        {
            "name": given["new_name"],
            "description": given["description"],
            "resource_class_id": given["resource_class"],
            "update_policy": given["policy"],
            "environment": _given(environment) or None,
        }
    )


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
