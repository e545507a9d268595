"""What groups of settings are made of."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SecretStr,
    ValidationError,
    WrapValidator,
)

__all__ = ["PREFIX", "Duration", "Names", "Section", "parts", "spelled"]

PREFIX: Final = "RELAUNCH_"

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object, otherwise: Callable[[object], timedelta]) -> timedelta:
    """Read `90`, `90s`, `15m`, `2h` or `1d`; leave the rest to pydantic (ISO 8601)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", str(value).strip())
    if match:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])
    try:
        return otherwise(value)
    except ValidationError:
        raise ValueError("expected a duration, such as 30s, 15m, 2h or 1d") from None


def spelled(duration: timedelta) -> str:
    """Write a duration as it is given: `15m`; the largest unit that is whole."""
    length = round(duration / timedelta(milliseconds=1))
    for unit, seconds in reversed(_UNITS.items()):
        whole, rest = divmod(length, round(seconds * 1000))
        if not rest and whole:
            return f"{whole}{unit}"
    return "0s"


Duration = Annotated[
    timedelta,
    WrapValidator(_duration),
    PlainSerializer(spelled, return_type=str, when_used="json"),
]


def _names(value: object) -> object:
    """Read `a, b`; leave JSON and TOML lists to pydantic."""
    if not isinstance(value, str):
        return value
    return tuple(part for part in re.split(r"[,\s]+", value) if part)


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""Several names: separated by commas, or as a list."""


def parts(value: SecretStr | None) -> list[str]:
    """Cut a secret into its parts: at commas and where lines end."""
    text = value.get_secret_value() if value else ""
    return [part for part in re.split(r"[,\s]+", text) if part]


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
