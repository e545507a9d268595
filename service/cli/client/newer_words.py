"""Models of answers that read words which this version does not know yet.

A newer service may answer with another status or kind. The models list the words, as
the service writes no others; the command line shows what it does not know as it is.
"""

from collections.abc import Mapping
from copy import copy
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, create_model

__all__ = ["with_any_word"]

_Type = Any
"""What stands in an annotation: a class, a union, a list of something."""


def with_any_word(kind: _Type) -> _Type:
    """Return a type that has any text where the given one has listed words.

    What it reads of a model is an instance of that model.
    """
    if isinstance(kind, type) and get_origin(kind) is None:
        is_model = issubclass(kind, BaseModel)
        return _model_with_any_word(kind) if is_model else kind
    origin: _Type = get_origin(kind)
    arguments = get_args(kind)
    if origin is Literal:
        return str if all(isinstance(word, str) for word in arguments) else kind
    if origin is None or not arguments:
        return kind
    if origin is Annotated:
        return Annotated[with_any_word(arguments[0]), *arguments[1:]]
    inside = tuple(with_any_word(argument) for argument in arguments)
    return reduce(or_, inside) if origin in {Union, UnionType} else origin[inside]


@cache
def _model_with_any_word(model: type[BaseModel]) -> type[BaseModel]:
    fields = {}
    for name, field in model.model_fields.items():
        widened = with_any_word(field.annotation)
        if widened != field.annotation:
            fields[name] = (widened, copy(field))
    return _derive(model, fields) if fields else model


def _derive(
    model: type[BaseModel], fields: Mapping[str, tuple[_Type, _Type]]
) -> type[BaseModel]:
    definitions: Mapping[str, Any] = fields
    return create_model(model.__name__, __base__=model, **definitions)
