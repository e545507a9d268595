"""Launchers in the API's fields: found, read, and written."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from service.cli.client import models
from service.cli.client.api import Client
from service.cli.output.printing import moment, reference, waiting_line
from service.errors import ConflictError, InvalidRequestError, NotFoundError

__all__ = [
    "COLUMNS",
    "Given",
    "changes",
    "creation",
    "find_launcher",
    "image_of",
    "latest_of",
    "nearest_launcher",
    "repository_url",
    "row_of",
    "schedule_of",
    "state_of",
    "tracked_by",
]

COLUMNS: Final = (
    "ID",
    "NAME",
    "REPOSITORY",
    "REVISION",
    "POLICY",
    "REBUILD",
    "STATE",
    "LAST BUILD",
    "IMAGE",
)
"""The heads of the table of launchers."""

_SSH: Final = re.compile(
    r"(?:ssh://)?(?:[^@/\s]+@)?([\w.-]{2,}):(?:\d+/)?([^\s:/][^\s:]+)"
    r"|ssh://(?:[^@/\s]+@)?([\w.-]+)/([^\s:]+)"
)
"""What forges offer beside HTTPS: `git@github.com:owner/name.git`."""
_BARE: Final = re.compile(r"([\w-]+(?:\.[\w-]+)+)/([^\s:/]+/[^\s:]+)")
"""A URL without its scheme: `github.com/owner/name`."""

_ULID: Final = re.compile("[0-9A-Za-z]{26}")

Given = Mapping[str, str | int | tuple[str, ...] | None]
"""Options and arguments of a command, by name."""

NEAREST_OF: Final = 100
"""Among how many of the newest launchers a name is looked for that was mistyped."""

NOT_BUILT: Final = "image:unknown-at-the-moment"
"""Renku's word for an environment that was never built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What a launcher is built from; all of it is empty for a ready image."""

    repository: str = ""
    revision: str = ""
    folder: str = ""
    frontend: str = ""


def tracked_by(launcher: "models.LauncherDetails") -> Tracked:
    """Return what a launcher is built from."""
    parameters = launcher.environment.build_parameters
    if parameters is None:
        return Tracked()
    return Tracked(
        repository=parameters.repository,
        revision=parameters.repository_revision or "",
        folder=parameters.context_dir or "",
        frontend=parameters.frontend_variant,
    )


async def find_launcher(client: Client, text: str) -> "models.LauncherDetails":
    """Return the launcher of an id or a name.

    Raises:
        NotFoundError: There is none.
        ConflictError: Several have the name.
    """
    if _ULID.fullmatch(text):
        with suppress(NotFoundError):
            return await client.get(models.LauncherDetails, "session_launchers", text)
    found = await client.list(models.LauncherDetails, "session_launchers", name=text)
    if not found:
        near = await nearest_launcher(client, text)
        hint = f"did you mean {near!r}? " if near else ""
        raise NotFoundError(
            f"there is no launcher {text!r}; {hint}`relaunch launcher list` shows "
            "them all"
        )
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise ConflictError(f"{len(found)} launchers are named {text!r}: {ids}")
    return found[0]


async def nearest_launcher(client: Client, text: str) -> str:
    """Return the name of a launcher that may have been meant; empty without one."""
    others = await client.list(
        models.LauncherDetails, "session_launchers", page=1, per_page=NEAREST_OF
    )
    near = get_close_matches(text, [each.name for each in others], n=1)
    return near[0] if near else ""


def image_of(launcher: "models.LauncherDetails") -> str:
    """Return the image a launcher starts from; empty when it was never built."""
    image = launcher.environment.container_image
    return "" if image == NOT_BUILT else image


def state_of(launcher: "models.LauncherDetails") -> str:
    """Compare a launcher's image with what it tracks, in two words."""
    if not image_of(launcher):
        return "not built"
    if launcher.available_image:
        return "image available"
    return "outdated" if launcher.outdated else "up to date"


def latest_of(launcher: "models.LauncherDetails") -> str:
    """Describe a launcher's newest build: why it failed, or what it waits for."""
    build = launcher.latest_build
    if build is None:
        return ""
    failure = build.failure
    summary = f"{build.state}: {failure.message}" if failure else build.state
    return waiting_line(build.waiting) or summary


def schedule_of(launcher: "models.LauncherDetails") -> str:
    """Describe a launcher's schedule: how often, and when next, or why not."""
    schedule = launcher.rebuild_schedule
    if schedule == "never":
        return schedule
    at, note = moment(launcher.next_rebuild_at), launcher.next_rebuild_note
    summary = f"{schedule}, next at {at}" if at else f"{schedule}, not now"
    return f"{summary}: {note}" if note else summary


def repository_url(text: str) -> str:
    """Return a repository's URL; a folder of this machine becomes a `file://` one.

    Raises:
        InvalidRequestError: It is neither; the message offers the URL that was meant.
    """
    if "://" in text and not text.startswith("ssh://"):
        return text
    folder = Path(text).expanduser()
    if folder.is_dir():
        return folder.resolve().as_uri()
    meant = _SSH.fullmatch(text) or _BARE.fullmatch(text)
    place = "/".join(filter(None, meant.groups())) if meant else ""
    hint = f"; did you mean https://{place}?" if place else ""
    raise InvalidRequestError(
        f"{text!r} is neither a folder nor a URL; expected https://…, http://… or "
        f"file://…{hint}"
    )


def creation(given: Given) -> dict[str, object]:
    """Build the request of `launcher add`."""
    body = {
        "name": given["name"],
        "project_id": given["project"],
        "description": given["description"],
        "resource_class_id": given["resource_class"],
        "update_policy": given["policy"],
        "rebuild_schedule": given["rebuild_schedule"],
        "environment": _environment(given),
    }
    return _given(body)


def _environment(given: Given) -> dict[str, object]:
    if given["environment"]:
        return {"id": given["environment"]}
    if given["image"]:
        image = {
            "environment_image_source": "image",
            "name": given["name"],
            "container_image": given["image"],
            "command": list(_words(given["command"])),
            "args": list(_words(given["args"])),
        }
        return {key: item for key, item in image.items() if item}
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
    return {key: item for key, item in environment.items() if item}


def _words(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def changes(given: Given) -> dict[str, object]:
    """Build the request of `launcher edit`; options that are not given stay."""
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
            "rebuild_schedule": given["rebuild_schedule"],
            "environment": _given(environment) or None,
        }
    )


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def row_of(launcher: "models.LauncherDetails") -> tuple[str, ...]:
    """Return the cells of a launcher, as `COLUMNS` names them."""
    tracked = tracked_by(launcher)
    return (
        launcher.id,
        launcher.name,
        tracked.repository,
        tracked.revision or "(default)",
        launcher.update_policy,
        launcher.rebuild_schedule,
        state_of(launcher),
        latest_of(launcher),
        reference(image_of(launcher)),
    )
