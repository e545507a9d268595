"""Reading answers into the shapes that a forge documents."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from service.errors import TransientError

__all__ = ["read"]

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
