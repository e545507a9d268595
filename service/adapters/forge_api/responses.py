"""Parse a forge's answers into models, within limits.

The JSON parser holds the GIL: 8 MB of `[],[],…` take it a second and half a
gigabyte. So the values of an answer are counted before it is parsed.
"""

import base64
import binascii
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, Field, ValidationError

from service.adapters.forge_api.errors import UnprovenAnswerError
from service.errors import TransientError

__all__ = [
    "MAX_VALUES",
    "UNREADABLE",
    "Number",
    "check_answer",
    "decode_content",
    "parse_answer",
]

M = TypeVar("M", bound=BaseModel)

MAX_VALUES: Final = 500_000
"""Approximate values of one answer, parsed in 20 ms at worst. GitHub's longest
listing, 7 MB, has 200,000: https://docs.github.com/en/rest/git/trees#get-a-tree."""
_MARKS: Final = (b",", b"[", b"{")

UNREADABLE: Final = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    RecursionError,
)
"""What clients of forges raise of an answer whose shape they do not check."""

Number = Annotated[int, Field(gt=0, lt=2**63)]
"""A numeric id; forges and databases store it in 64 bits."""


def check_answer(body: bytes, *, whose: str) -> None:
    """Check that an answer is cheap to parse.

    Args:
        body: The body, which should be JSON.
        whose: The host that sent it.

    Raises:
        UnprovenAnswerError: It holds more values than any expected answer.
    """
    # Commas and opening brackets bound the number of values from above; those inside
    # strings only make the estimate stricter.
    # Counting runs at memory speed and in C, the parser does not: 8 MB take a few
    # milliseconds here.
    values = sum(map(body.count, _MARKS))
    if values > MAX_VALUES:
        raise UnprovenAnswerError(
            f"{whose} sent an answer of {values} values; expected {MAX_VALUES} at most"
        )


def parse_answer(model: type[M], answer: object, *, operation: str) -> M:
    """Validate an answer against a model.

    Raises:
        TransientError: It does not match: a proxy answered instead of the forge, or
            an upgrade is under way.
    """
    try:
        return model.model_validate(answer)
    except ValidationError as exc:
        problems = ", ".join(
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            for error in exc.errors()[:3]
        )
        raise TransientError(
            f"cannot {operation}: unexpected answer ({problems})"
        ) from exc


def decode_content(text: str, *, operation: str) -> bytes:
    """Decode the base64 content of a file.

    Raises:
        UnprovenAnswerError: It is not base64.
    """
    try:
        return base64.b64decode(text)
    except binascii.Error as exc:
        raise UnprovenAnswerError(f"cannot {operation}: it is not base64") from exc
