"""How the pages write things: states in Renku's words, ages, sizes, names."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from service.domain.building.resource_pool import ResourceClass
from service.domain.delivery import Forge
from service.domain.repository import is_folder_url
from service.forges.registry import FORGES

__all__ = [
    "BADGES",
    "FILTERS",
    "FRONTENDS",
    "Badge",
    "age",
    "badge_of",
    "duration",
    "short_url",
]

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_KILO: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A state as a word, a colour and a shape: none of them stands alone."""

    label: str
    tone: str
    """The colour: `good`, `bad`, `busy`, `warn` or `calm`."""
    icon: str


BADGES: Final[Mapping[str, Badge]] = {
    "queued": Badge(label="Build in progress", tone="busy", icon="queued"),
    "running": Badge(label="Build in progress", tone="busy", icon="running"),
    "succeeded": Badge(label="Build succeeded", tone="good", icon="check"),
    "failed": Badge(label="Build failed", tone="bad", icon="cross"),
    "cancelled": Badge(label="Build cancelled", tone="calm", icon="stop"),
    "superseded": Badge(label="Superseded", tone="calm", icon="skip"),
    "older": Badge(label="Only an older image available", tone="warn", icon="warning"),
    "update": Badge(label="Update available", tone="warn", icon="up"),
    "none": Badge(label="Not built yet", tone="calm", icon="empty"),
    "ready": Badge(label="Ready", tone="good", icon="check"),
    "accepted": Badge(label="Accepted", tone="good", icon="check"),
    "ignored": Badge(label="Ignored", tone="calm", icon="skip"),
    "refused": Badge(label="Refused", tone="bad", icon="cross"),
    "duplicate": Badge(label="Duplicate", tone="calm", icon="skip"),
    "changed": Badge(label="Changed", tone="good", icon="change"),
    "initial": Badge(label="First evaluation", tone="good", icon="box"),
    "unchanged": Badge(label="Unchanged", tone="calm", icon="equal"),
    "unknown": Badge(label="Not known yet", tone="warn", icon="warning"),
    "cosmetic": Badge(label="Nothing to install", tone="calm", icon="equal"),
    "no_definition": Badge(label="No definition", tone="warn", icon="warning"),
    "ref_gone": Badge(label="Branch is gone", tone="calm", icon="stop"),
    "connected": Badge(label="Connected", tone="good", icon="check"),
    "waiting for first delivery": Badge(
        label="Waiting for the first delivery", tone="busy", icon="queued"
    ),
    "unhealthy": Badge(label="Unhealthy", tone="bad", icon="cross"),
    "refusing deliveries": Badge(label="Refusing deliveries", tone="bad", icon="cross"),
    "error": Badge(label="Error", tone="bad", icon="cross"),
    "warning": Badge(label="Warning", tone="warn", icon="warning"),
    "note": Badge(label="Note", tone="calm", icon="info"),
}
"""Every state that is shown, in Renku's words where Renku has it."""

FRONTENDS: Final[Mapping[str, str]] = {
    "jupyterlab": "JupyterLab",
    "vscodium": "VSCodium",
    "ttyd": "Terminal (ttyd)",
    "none": "None",
}
"""What people know the user interfaces by."""


def forge_name(forge: Forge) -> str:
    """Write the name of a forge as it does."""
    return FORGES[forge].name


def badge_of(state: str) -> Badge:
    """Return the badge of a state; an unknown one is shown by its own name."""
    return BADGES.get(state) or Badge(label=state, tone="calm", icon="info")


def age(then: datetime | None, now: datetime) -> str:
    """Write how long ago something was, as people do."""
    if then is None:
        return "never"
    seconds = int((now - then).total_seconds())
    if seconds < 0:
        return f"in {_length(-seconds)}"
    return "just now" if seconds < 10 else f"{_length(seconds)} ago"  # noqa: PLR2004 - nobody counts these


def _length(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR} h"
    return f"{seconds // _DAY} days"


def duration(took: timedelta | float | None) -> str:
    """Write how long something took: `42 s`, `3 min 20 s`, `1 h 5 min`."""
    if took is None:
        return ""
    exact = took.total_seconds() if isinstance(took, timedelta) else took
    seconds = round(exact)
    if seconds < _MINUTE:
        return f"{exact:.1f} s" if exact < 10 else f"{seconds} s"  # noqa: PLR2004 - a digit more
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE} s"
    return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"


def size(count: int | None) -> str:
    """Write how large something is, in the units of registries."""
    if count is None:
        return ""
    value, units = float(count), ["GB", "MB", "kB", "B"]
    while value >= _KILO and len(units) > 1:
        value /= _KILO
        units.pop()
    return f"{value:.3g} {units[-1]}"


def resources(found: ResourceClass) -> str:
    """Write what a resource class gives: `small: 1 core, 4 GB`."""
    cores = "1 core" if found.cpu == 1 else f"{found.cpu:g} cores"
    gpus = {0: "", 1: ", 1 GPU"}.get(found.gpu, f", {found.gpu} GPUs")
    return f"{found.name}: {cores}, {found.memory} GB{gpus}"


def short_url(url: str) -> str:
    """Return a repository's URL without what every URL has: host and path."""
    parts = urlsplit(url)
    path = parts.path.removesuffix(".git").strip("/")
    return f"{parts.hostname}/{path}" if parts.hostname else f"/{path}"


def python_version(specifier: str) -> str:
    """Write a request for a Python version as people do: `3.12` for `==3.12.*`."""
    return specifier.removeprefix("==").removesuffix(".*")


def short_digest(reference: str | None) -> str:
    """Return as much of an image's digest as distinguishes it from others."""
    if not reference:
        return ""
    return reference.rpartition("@")[2].partition(":")[2][:12] or reference[-12:]


def moment(at: datetime | None) -> str:
    """Write a time for people, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "badge": badge_of,
    "age": age,
    "duration": duration,
    "filesize": size,
    "short_url": short_url,
    "short_digest": short_digest,
    "moment": moment,
    "python_version": python_version,
    "shell": shlex.quote,
    "resources": resources,
    "forge": forge_name,
    "is_folder": is_folder_url,
}
