"""A field of an answer that may be None is left out then, so nobody may expect it."""

import importlib
import pkgutil
from types import NoneType
from typing import get_args

from pydantic import BaseModel

from handlers.api import schemas
from handlers.api.schemas.models import ResponseModel


def answers() -> set[type[BaseModel]]:
    """Return the models of all answers."""
    names = [
        module.name
        for module in pkgutil.walk_packages(schemas.__path__, f"{schemas.__name__}.")
    ]
    return {
        item
        for module in map(importlib.import_module, names)
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, ResponseModel)
    }


def test_a_field_that_may_be_none_may_be_absent() -> None:
    expected = [
        f"{model.__name__}.{name}"
        for model in answers()
        for name, field in model.model_fields.items()
        if field.is_required() and NoneType in get_args(field.annotation)
    ]

    assert len(answers()) > 50
    assert expected == []
