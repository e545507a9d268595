"""What is read of Gitea's answers: https://docs.gitea.com/api/."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Blob", "Branch", "Commit", "Tag", "Tree"]


class Shape(BaseModel):
    """An answer, as far as it is used."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BranchCommit(Shape):
    """The commit of a branch."""

    id: str


class Branch(Shape):
    """`repoGetBranch`."""

    commit: BranchCommit


class TagCommit(Shape):
    """The commit that a tag stands for, peeled."""

    sha: str


class Tag(Shape):
    """`repoGetTag`; its own `id` is the tag object's."""

    commit: TagCommit | None = None


class Root(Shape):
    """The root directory of a commit."""

    sha: str


class CommitContent(Shape):
    """What a commit says."""

    tree: Root


class Commit(Shape):
    """`repoGetSingleCommit`."""

    commit: CommitContent


class TreeEntry(Shape):
    """One entry of a directory."""

    path: str
    mode: str
    sha: str
    size: int | None = None
    type: str = ""


class Tree(Shape):
    """`GetTree`; `truncated` says that there are further pages."""

    tree: tuple[TreeEntry, ...] = ()
    truncated: bool = False


class Blob(Shape):
    """`GetBlob`; no content above the size that the host allows."""

    content: str | None = None
    size: int
