"""Reading answers into the shapes that a forge documents."""

import base64
import binascii
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from service.adapters.forge_api.failing import UnprovenAnswerError
from service.errors import TransientError

__all__ = ["content_of", "read"]

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], answer: object, *, doing: str) -> M:
    """Read an answer.

    Raises:
        TransientError: It is something else: a proxy answers in the forge's place, or
            an upgrade is under way.
    """
    try:
        return model.model_validate(answer)
    except ValidationError as exc:
        problems = ", ".join(
            f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in exc.errors()[:3]
        )
        raise TransientError(f"cannot {doing}: unexpected answer ({problems})") from exc


def content_of(text: str, *, doing: str) -> bytes:
    """Return the bytes of a file that an answer holds in base64.

    Raises:
        UnprovenAnswerError: It is none.
    """
    try:
        return base64.b64decode(text)
    except binascii.Error as exc:
        raise UnprovenAnswerError(f"cannot {doing}: it is no base64") from exc
