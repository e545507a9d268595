"""What groups of settings are made of."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr

__all__ = ["PREFIX", "Duration", "Names", "Section", "parts"]

PREFIX: Final = "RELAUNCH_"

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    """Read `90`, `90s`, `15m`, `2h` or `1d`; leave the rest to pydantic (ISO 8601)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", str(value).strip())
    if not match:
        return value
    return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])


Duration = Annotated[timedelta, BeforeValidator(_duration)]


def _names(value: object) -> object:
    """Read `a, b`; leave JSON and TOML lists to pydantic."""
    if not isinstance(value, str):
        return value
    return tuple(it for it in re.split(r"[,\s]+", value) if it)


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""Several names: separated by commas, or as a list."""


def parts(value: SecretStr | None) -> list[str]:
    """Cut a secret into its parts: at commas and where lines end."""
    text = value.get_secret_value() if value else ""
    return [it for it in re.split(r"[,\s]+", text) if it]


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
