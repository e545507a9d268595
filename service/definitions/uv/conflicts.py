"""Extras and groups that are not installed together.

https://docs.astral.sh/uv/concepts/projects/config/#conflicting-dependencies
"""

from typing import Self

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, model_validator

from service.definitions.uv.fitting import TOLERANT
from service.definitions.uv.scalars import Name

__all__ = ["Conflict", "differ"]


class Conflict(BaseModel):
    """An extra, a group or a whole package that is in conflict with others."""

    model_config = ConfigDict(**{**TOLERANT, "extra": "forbid"})

    package: Name = ""
    extra: Name = ""
    group: Name = ""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.extra and self.group:
            raise ValueError("extra and group exclude each other")
        if not (self.package or self.extra or self.group):
            raise ValueError("expected package, extra or group")
        return self


def differ(conflicts: list[Conflict]) -> list[Conflict]:
    """Check that at least two of a set of conflicts differ.

    Raises:
        ValueError: There is nothing in it that could be in conflict.
    """
    named = {
        tuple(map(canonicalize_name, (item.package, item.extra, item.group)))
        for item in conflicts
    }
    if len(named) == 1 or not named:
        raise ValueError("expected two entries that differ, or more")
    return conflicts
