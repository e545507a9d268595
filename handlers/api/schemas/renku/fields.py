"""The fields of Renku's environments, with their limits."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from handlers.api.schemas.models import Line, Prose

__all__ = [
    "ContainerImage",
    "ContextDir",
    "DefaultUrl",
    "Folder",
    "Platforms",
    "Port",
    "Repository",
    "Revision",
    "UserId",
    "Variant",
    "Words",
]

Platform = Literal["linux/amd64", "linux/arm64"]

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST: Final = (
    r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    r"(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?"
)
_IMAGE: Final = re.compile(
    rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z]\w*:[0-9a-zA-Z]{32,})?",
    re.ASCII,
)
"""https://github.com/distribution/reference/blob/main/regexp.go"""


def _one_platform(platforms: tuple[str, ...]) -> tuple[str, ...]:
    different = tuple(sorted(set(platforms)))
    if len(different) > 1:
        raise ValueError(
            f"Invalid value for the field 'platforms': {list(different)}: only one "
            "platform at a time is supported at the moment."
        )
    return different


def _inside(folder: str) -> str:
    """Write a folder inside a repository without detours."""
    if "\\" in folder:
        raise ValueError("holds a backslash; expected folders parted by /")
    if folder.startswith("/"):
        raise ValueError("begins with /; expected a folder inside the repository")
    parts = [part for part in folder.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise ValueError("holds ..; expected a folder inside the repository")
    return "/".join(parts)


def _absolute(folder: str) -> str:
    if not folder.startswith("/"):
        raise ValueError("is supposed to be absolute")
    return folder


def _image(reference: str) -> str:
    if not _IMAGE.fullmatch(reference):
        raise ValueError(
            "is no reference of a container image; expected host/path:tag or "
            "host/path@sha256:…, without a scheme"
        )
    return reference


Repository = Annotated[Line, Field(min_length=1, max_length=500)]
Variant = Annotated[Line, Field(min_length=1, max_length=99)]
"""Checked with what else is asked for, in Renku's words (`check_frontend`)."""
Platforms = Annotated[
    tuple[Platform, ...],
    Field(max_length=20, description="One; `linux/amd64` when empty."),
    AfterValidator(_one_platform),
]
Words = Annotated[
    tuple[Annotated[Prose, Field(max_length=10_000)], ...],
    Field(min_length=1, max_length=100),
]
ContextDir = Annotated[Line, Field(max_length=500), AfterValidator(_inside)]
Revision = Annotated[Line, Field(max_length=500)]
ContainerImage = Annotated[
    Line, Field(min_length=3, max_length=500), AfterValidator(_image)
]
DefaultUrl = Annotated[Line, Field(max_length=200)]
Port = Annotated[int, Field(gt=0, lt=65400)]
"""The ports above are those of Renku's own containers in a session."""
UserId = Annotated[int, Field(gt=0, le=65535)]
Folder = Annotated[Line, Field(min_length=1, max_length=500), AfterValidator(_absolute)]
