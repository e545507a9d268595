"""What is read of GitHub's answers: https://docs.github.com/en/rest."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import TransientError

__all__ = ["Blob", "Commit", "Ref", "RepositoryTold", "Tag", "Tree", "as_shape"]


class Shape(BaseModel):
    """An answer, as far as it is used."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RepositoryTold(Shape):
    """https://docs.github.com/en/rest/repos/repos#get-a-repository."""

    id: int = Field(gt=0)
    full_name: str
    default_branch: str


class Target(Shape):
    """What a ref or a tag points at."""

    sha: str
    type: str


class Ref(Shape):
    """https://docs.github.com/en/rest/git/refs#get-a-reference."""

    object: Target


class Tag(Shape):
    """https://docs.github.com/en/rest/git/tags#get-a-tag."""

    object: Target


class Root(Shape):
    """The root directory of a commit."""

    sha: str


class Commit(Shape):
    """https://docs.github.com/en/rest/git/commits#get-a-commit-object."""

    tree: Root


class TreeEntry(Shape):
    """One entry of a directory."""

    path: str
    mode: str
    sha: str
    size: int | None = None


class Tree(Shape):
    """https://docs.github.com/en/rest/git/trees#get-a-tree."""

    tree: tuple[TreeEntry, ...]


class Blob(Shape):
    """https://docs.github.com/en/rest/git/blobs#get-a-blob."""

    content: str
    size: int


S = TypeVar("S", bound=Shape)


def as_shape(shape: type[S], said: Any, *, doing: str) -> S:  # noqa: ANN401 - JSON
    """Read an answer.

    Raises:
        TransientError: It does not have the shape that GitHub documents.
    """
    try:
        return shape.model_validate(said)
    except ValidationError as exc:
        problems = ", ".join(
            f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in exc.errors()[:3]
        )
        raise TransientError(f"cannot {doing}: unexpected answer ({problems})") from exc
