"""JSON of the service, read as the model that the service wrote it from."""

from types import GenericAlias
from typing import TYPE_CHECKING, Final, TypeVar

from service.errors import PermanentError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["UnexpectedAnswerError", "list_of", "read_json"]

M = TypeVar("M")

MOST_SHOWN: Final = 60
"""Characters of a value that is not as expected."""
_UNKNOWN_WORD: Final = "literal_error"
_TOO_LITTLE: Final = "missing"
_EXPECTED: Final = "Input should be "
"""How pydantic begins the sentences about what was expected."""


class UnexpectedAnswerError(PermanentError):
    """The service answered something this command line does not understand."""


def read_json(model: type[M], text: str, *, origin: str) -> M:
    """Read JSON as a model, also that of a newer service.

    Fields that the model does not know are left out; words that it does not know are
    kept as they are.

    Args:
        model: What is expected; `list[…]` of a model, too.
        text: The JSON.
        origin: Who wrote it, for the message.

    Raises:
        UnexpectedAnswerError: A field is missing, or is of another type.
    """
    # pydantic takes half a second, and `--help` imports this file.
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return _validate(model, text)
    except ValidationError as exc:
        first = exc
    # Only now: most answers have no such words, and these types take time to make.
    if any(error["type"] == _UNKNOWN_WORD for error in first.errors()):
        from service.cli.client.newer_words import with_any_word  # noqa: PLC0415

        widened: type[M] = with_any_word(model)
        try:
            return _validate(widened, text)
        except ValidationError as exc:
            first = exc
    error = first.errors(include_url=False)[0]
    raise UnexpectedAnswerError(
        f"{origin} answered {_difference(error)}; `relaunch version` shows whether the "
        "service has another version"
    ) from first


def _validate(model: type[M], text: str) -> M:
    from pydantic import TypeAdapter  # noqa: PLC0415

    # The models forbid unknown fields, so that the service writes no others. A newer
    # service has more of them, at any depth, and its answers are read too.
    adapter: TypeAdapter[M] = TypeAdapter(model)
    return adapter.validate_json(text, strict=True, extra="ignore")


def list_of(model: type[M]) -> type[list[M]]:
    """Return what reads a list of a model."""
    # mypy reads `list[…]` of a variable as a type that it does not know.
    models: type[list[M]] = GenericAlias(list, (model,))  # type: ignore[assignment]
    return models


def _difference(error: "ErrorDetails") -> str:
    """Describe the first difference: what came, and what was expected in its place."""
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == _TOO_LITTLE:
        return f"without the field {place!r}, which was expected"
    at = f" as {place!r}" if place else ""
    expected = error["msg"].removeprefix(_EXPECTED)
    return f"{_shown(error['input'])}{at}; expected {expected}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
