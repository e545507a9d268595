"""Models of GitHub's answers: https://docs.github.com/en/rest."""

from pydantic import BaseModel, ConfigDict

__all__ = [
    "GitHubBlob",
    "GitHubCommit",
    "GitHubModel",
    "GitHubTag",
    "GitHubTree",
    "Ref",
]


class GitHubModel(BaseModel):
    """The fields of an answer that are used."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class GitHubTarget(GitHubModel):
    """The object that a ref or a tag points at."""

    sha: str
    type: str


class Ref(GitHubModel):
    """https://docs.github.com/en/rest/git/refs#get-a-reference."""

    object: GitHubTarget


class GitHubTag(GitHubModel):
    """https://docs.github.com/en/rest/git/tags#get-a-tag."""

    object: GitHubTarget


class GitHubRoot(GitHubModel):
    """The root directory of a commit."""

    sha: str


class GitHubCommit(GitHubModel):
    """https://docs.github.com/en/rest/git/commits#get-a-commit-object."""

    tree: GitHubRoot


class GitHubTreeEntry(GitHubModel):
    """One entry of a directory."""

    path: str
    mode: str
    sha: str
    size: int | None = None


class GitHubTree(GitHubModel):
    """https://docs.github.com/en/rest/git/trees#get-a-tree."""

    tree: tuple[GitHubTreeEntry, ...]


class GitHubBlob(GitHubModel):
    """https://docs.github.com/en/rest/git/blobs#get-a-blob."""

    content: str
    size: int
