"""The indexes under [tool.uv] and in uv.toml.

https://docs.astral.sh/uv/concepts/indexes/
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from service.definitions.uv.fitting import TOLERANT
from service.definitions.uv.scalars import IndexLocation, IndexName, Newer, Url

__all__ = ["Index", "fit_together"]

_Status = Annotated[int, Field(ge=100, le=999)]


class _Table(BaseModel):
    model_config = TOLERANT


class _CacheControl(_Table):
    api: str = ""
    files: str = ""


class Index(_Table):
    """An index, its name and how uv reads it."""

    url: IndexLocation
    name: IndexName = ""
    default: bool = False
    explicit: bool = False
    format: Literal["simple", "flat"] = "simple"
    authenticate: Literal["auto", "always", "never"] = "auto"
    publish_url: Url = ""
    ignore_error_codes: list[_Status] = []
    cache_control: _CacheControl = _CacheControl()
    hash_algorithm: Literal["md5", "sha256", "sha384", "sha512", "blake2b"] = "sha256"
    exclude_newer: Newer = False

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.explicit and "name" not in self.model_fields_set:
            raise ValueError("an index that is explicit needs a name")
        return self


def fit_together(indexes: list[Index]) -> list[Index]:
    """Check the indexes of a project against each other.

    Raises:
        ValueError: Two of them have one name, or are the default.
    """
    if sum(index.default for index in indexes) > 1:
        raise ValueError("only one index may be the default")
    names = [index.name for index in indexes if "name" in index.model_fields_set]
    if len(names) > len(set(names)):
        raise ValueError("two indexes have one name")
    return indexes
