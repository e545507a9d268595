"""Models of Gitea's answers: https://docs.gitea.com/api/."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Branch", "GiteaBlob", "GiteaCommit", "GiteaTag", "GiteaTree"]


class GiteaModel(BaseModel):
    """The fields of an answer that are used."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BranchCommit(GiteaModel):
    """The commit of a branch."""

    id: str


class Branch(GiteaModel):
    """`repoGetBranch`."""

    commit: BranchCommit


class TagCommit(GiteaModel):
    """The commit of a tag, peeled."""

    sha: str


class GiteaTag(GiteaModel):
    """`repoGetTag`; its own `id` is the tag object's."""

    commit: TagCommit | None = None


class GiteaRoot(GiteaModel):
    """The root directory of a commit."""

    sha: str


class CommitContent(GiteaModel):
    """The content of a commit object."""

    tree: GiteaRoot


class GiteaCommit(GiteaModel):
    """`repoGetSingleCommit`."""

    commit: CommitContent


class GiteaTreeEntry(GiteaModel):
    """One entry of a directory."""

    path: str
    mode: str
    sha: str
    size: int | None = None
    type: str = ""


class GiteaTree(GiteaModel):
    """`GetTree`; `truncated` means that there are further pages."""

    tree: tuple[GiteaTreeEntry, ...] = ()
    truncated: bool = False


class GiteaBlob(GiteaModel):
    """`GetBlob`; the content is missing above the host's size limit."""

    content: str | None = None
    size: int
