"""The two kinds of shapes, and the texts inside them."""

import re
from typing import Annotated, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

__all__ = [
    "MAX_INT",
    "TAG",
    "ULID",
    "Line",
    "PatchModel",
    "Prose",
    "RequestModel",
    "ResponseModel",
    "Ulid",
    "Word",
]

ULID: Final = "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"
"""https://github.com/ulid/spec, read without regard to case."""

MAX_INT: Final = 2**31 - 1
"""What an integer column holds in every database."""

TAG: Final = "of:"
"""Begins the tags of unions, which pydantic names among the parts of a place."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_IN_PROSE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


_STRICT: Final = ConfigDict(
    frozen=True,
    extra="forbid",
    # A shape is made ready when it is first used: most are not, in most processes.
    defer_build=True,
)


class RequestModel(BaseModel):
    """Something that a caller sends; what is not known is refused."""

    model_config = _STRICT


class PatchModel(RequestModel):
    """What is to change in something; what is not sent stays as it is.

    Its document names no default: None stands for what was not sent, and null is a
    value that a caller sends, which resets some fields.
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the shape without defaults."""
        described = handler(schema)
        for field in handler.resolve_ref_schema(described)["properties"].values():
            field.pop("default", None)
        return described


class ResponseModel(BaseModel):
    """A response; fields that are None are left out."""

    model_config = _STRICT
    shows_secret: ClassVar[bool] = False
    """Whether it holds a secret that is shown once, and so is kept nowhere."""
    has_etag: ClassVar[bool] = False
    """Whether its answers carry an entity tag, which a change of it may name."""
    is_etag_of_all: ClassVar[bool] = True
    """Whether the same tag means the same answer: whoever has it is answered 304."""


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("holds control characters; expected one line of plain text")
    return text


def _prose(text: str) -> str:
    if _CONTROL_IN_PROSE.search(text):
        raise ValueError("holds control characters; expected plain text")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
"""Text without control characters: databases, logs and terminals take it as it is."""

Prose = Annotated[str, AfterValidator(_prose)]
"""Text with line breaks."""

Word = Annotated[str, Field(description="A machine word.")]

Ulid = Annotated[
    str,
    StringConstraints(min_length=26, max_length=26, pattern=ULID),
    AfterValidator(str.upper),
]
