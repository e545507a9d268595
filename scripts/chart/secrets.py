"""Which settings are read from files of Secrets, and which ones the chart sets."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from service.settings import PREFIX, Settings

__all__ = ["OWNED", "fields", "from_files", "is_owned", "roles_of", "variable"]

OWNED: Final[Mapping[str, str]] = {
    "data": "an empty volume",
    "listen": "`listen`",
    "builder": "always `kubernetes`",
    "kubernetes.namespace": "`builds.namespace`",
    "local": "builds of one machine, which pods do not run",
}
"""Settings, or groups of them, that are no value of `settings`, and what is instead."""


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Yield every setting by its path in a configuration file: `log.level`."""
    tables = Settings.tables()
    for name, field in Settings.model_fields.items():
        if name in tables:
            for key, inner in tables[name].items():
                yield f"{name}.{key}", inner
        else:
            yield name, field


def from_files() -> Mapping[str, FieldInfo]:
    """Return the settings that are secrets or paths: each is a file of a Secret."""
    return {
        path: field
        for path, field in fields()
        if not is_owned(path) and (_mentions(field, SecretStr) or _is_path(field))
    }


def is_owned(path: str) -> bool:
    """Return whether the chart itself sets this setting, or its whole group."""
    return path in OWNED or path.partition(".")[0] in OWNED


def variable(path: str, field: FieldInfo) -> str:
    """Return the variable that names the file of a setting."""
    name = f"{PREFIX}{path.replace('.', '_')}".upper()
    return name if _is_path(field) else f"{name}_FILE"


def roles_of(path: str) -> Sequence[str]:
    """Return the roles that get a secret; each gets what it works with, and no more."""
    group = path.partition(".")[0]
    if path == "token":
        return ("receivers", "api")
    if group == "auth":
        return ("api",)
    if group == "forge":
        return ("api", "consumers")
    if group in {"kubernetes", "renku", "signing"}:
        return ("consumers",)
    return ("receivers", "api", "consumers")


def _is_path(field: FieldInfo) -> bool:
    return _mentions(field, Path)


def _mentions(field: FieldInfo, kind: type) -> bool:
    annotation = field.annotation
    return kind is annotation or kind in getattr(annotation, "__args__", ())
