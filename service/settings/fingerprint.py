"""A fingerprint of the settings that decide how builds fare, and not what they make.

What decides what they make is in the key of an image. Whoever corrects another one, as
the name of a Secret or a limit, changes no key: this shows that something changed.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from service.domain.hook import Secret
from service.settings.loading import passed_to_builds
from service.settings.tree import Settings

__all__ = ["fingerprint_of"]

_SECTIONS: Final = (
    "build",
    "local",
    "kubernetes",
    "signing",
    "remote",
    "forge",
    "renku",
)
_MOST_READ: Final = 2**20
"""Bytes of a file that is named; such files have some thousand."""


def fingerprint_of(settings: Settings, *, key: Secret) -> str:
    """Return a text that differs when one of these settings does, and reveals no more.

    With a key, as somebody who reads it could otherwise try short secrets out. Files
    that settings name count with their content: a login is corrected in place.
    """
    chosen = {name: getattr(settings, name) for name in _SECTIONS}
    plain = {
        name: _plain(dict(section), skipped=_PACE if name == "build" else ())
        for name, section in chosen.items()
    }
    document = json.dumps(
        [settings.builder, settings.launchers, plain, passed_to_builds(settings)],
        sort_keys=True,
    ).encode()
    return hmac.new(key.reveal().encode(), document, hashlib.sha256).hexdigest()


_PACE: Final = ("max_concurrent", "max_per_project", "max_background_per_hour")
"""Settings that only limit how much is built at a time."""


def _plain(value: object, *, skipped: Iterable[str] = ()) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return [str(value), _content(value)]
    if isinstance(value, Mapping):
        return {
            str(name): _plain(inner)
            for name, inner in value.items()
            if name not in skipped
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    fields = getattr(type(value), "model_fields", None)
    if fields is not None:
        return {name: _plain(getattr(value, name)) for name in fields}
    return str(value)


def _content(path: Path) -> str:
    """Digest a file; a folder, or what cannot be read, counts by its name alone."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(_MOST_READ)).hexdigest()
    except OSError:
        return ""
