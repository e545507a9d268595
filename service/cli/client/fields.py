"""One JSON object that the service answered, read field by field."""

from collections.abc import Mapping
from typing import Self

from service.errors import PermanentError

__all__ = ["ResponseFields", "UnexpectedAnswerError"]


class UnexpectedAnswerError(PermanentError):
    """The service answered something this command line does not understand."""


class ResponseFields:
    """A JSON object; nulls and absent fields are one and the same.

    Args:
        raw: What came.
    """

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, Mapping):
            raise UnexpectedAnswerError(
                f"the service answered {type(raw).__name__}; expected an object"
            )
        self.raw = raw

    @classmethod
    def many(cls, raw: object) -> list[Self]:
        """Read a list of objects."""
        if not isinstance(raw, list):
            raise UnexpectedAnswerError(
                f"the service answered {type(raw).__name__}; expected a list"
            )
        return [cls(item) for item in raw]

    def has(self, name: str) -> bool:
        """Return whether the field is there."""
        return self.raw.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """Return a field as text; numbers and truths too."""
        value = self.raw.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, str | int | float):
            return str(value)
        raise self._unexpected(name, "text")

    def number(self, name: str) -> int:
        """Return a whole number; 0 when absent."""
        value = self.raw.get(name)
        if value is None:
            return 0
        if isinstance(value, int):
            return value
        raise self._unexpected(name, "a number")

    def inner(self, name: str) -> "ResponseFields":
        """Return an object inside; an empty one when absent."""
        value = self.raw.get(name)
        if value is None:
            return ResponseFields({})
        if isinstance(value, Mapping):
            return ResponseFields(value)
        raise self._unexpected(name, "an object")

    def each(self, name: str) -> "list[ResponseFields]":
        """Return the objects of a list inside; none when absent."""
        value = self.raw.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return [ResponseFields(item) for item in value]
        raise self._unexpected(name, "a list")

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; none when absent."""
        value = self.raw.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return [str(item) for item in value]
        raise self._unexpected(name, "a list")

    def _unexpected(self, name: str, expected: str) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"the service answered with a {name!r} that is no {expected}"
        )
