"""What is read of GitHub's answers: https://docs.github.com/en/rest."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Blob", "Commit", "Ref", "Shape", "Tag", "Tree"]


class Shape(BaseModel):
    """An answer, as far as it is used."""

    model_config = ConfigDict(frozen=True, extra="ignore")


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
