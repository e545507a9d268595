"""Fields and parameters that nothing knows, with the name that was probably meant."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, RootModel

from handlers.api.schemas.models import TAG

__all__ = ["describe_problems", "unknown_name"]

_SHOWN: Final = 60
"""Characters of a name: it may be as long as the body."""
_LISTED: Final = 12
"""Names that are listed where none is near."""


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Write what is wrong with an unknown name, and which one is nearest."""
    names = sorted(known)
    problem = f"{name[:_SHOWN]}: Extra inputs are not permitted"
    near = get_close_matches(name[:_SHOWN], names, n=1)
    if near:
        return f"{problem}; did you mean {near[0]!r}?"
    if not names:
        return f"{problem}; expected none"
    more = ", …" if len(names) > _LISTED else ""
    return f"{problem}; expected {', '.join(names[:_LISTED])}{more}"


def _known_names(model: type[BaseModel], place: Iterable[int | str]) -> set[str]:
    """Return the fields that may stand at a place of a body.

    Args:
        model: Of the whole body.
        place: As pydantic reports it: fields and indices.
    """
    models = set(_unwrapped(model))
    for part in place:
        inner = {
            found
            for each in models
            if isinstance(part, str) and part in each.model_fields
            for found in _models(each.model_fields[part].annotation)
        }
        models = inner or models
    return {name for each in models for name in each.model_fields}


def _unwrapped(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Return the shapes inside one that is a list: its `root` is no field to send."""
    if issubclass(model, RootModel):
        return _models(model.model_fields["root"].annotation)
    return iter((model,))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any type
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for inner in get_args(annotation):
        yield from _models(inner)


def describe_problems(
    model: type[BaseModel], errors: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """Write the problems of a body, unknown fields with the nearest name."""
    for error in errors:
        place = [part for part in error["loc"] if not str(part).startswith(TAG)]
        where = ".".join(str(part) for part in place) or "body"
        if error["type"] == "extra_forbidden":
            *above, name = place
            prefix = "".join(f"{part}." for part in above)
            yield prefix + unknown_name(str(name), _known_names(model, above))
        else:
            yield f"{where}: {error['msg'].removeprefix('Value error, ')}"
