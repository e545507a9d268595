"""Read the answer to the query for a head: GitLab's GraphQL.

https://docs.gitlab.com/api/graphql/reference/. GitLab gives no id for a commit's
root directory: it is computed from the entries, unless some may be missing. Whatever
is null, or not as expected, is left to the REST API.
"""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from service.adapters.forge_api.api_tree import LARGE
from service.adapters.forge_api.errors import UnprovenAnswerError
from service.adapters.forge_api.graphql.endpoint import GraphQlAnswer
from service.adapters.forge_api.graphql.known_objects import KnownObjects
from service.adapters.forge_api.listings import ListedObject
from service.adapters.gitlab.directory_id import compute_directory_id
from service.adapters.gitlab.head_query import GitLabHeadQuery
from service.domain.definition import DIRECTORY, GITLINK
from service.domain.repository import BlobId, CommitSha, is_commit

__all__ = ["ProjectView", "TreeView", "keep_objects", "project_of", "read_answer"]

_ID: Final = r"^[0-9a-f]{40}([0-9a-f]{24})?$"
_ObjectId = Annotated[str, Field(pattern=_ID)]
_PROJECT: Final = "gid://gitlab/Project/"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _PageView(_View):
    has_next_page: bool


class _EntryView(_View):
    path: str
    sha: _ObjectId
    mode: str = ""


class _EntriesView(_View):
    nodes: tuple[_EntryView, ...]


class _PagedView(_EntriesView):
    page_info: _PageView


class _IdView(_View):
    sha: _ObjectId


class _IdsView(_View):
    nodes: tuple[_IdView, ...]
    page_info: _PageView


class _CommitView(_View):
    sha: _ObjectId


class _Tip(_View):
    last_commit: _CommitView


class TreeView(_View):
    """A directory, perhaps with what is below it; nothing shows what is missing."""

    trees: _EntriesView
    blobs: _EntriesView

    def rows(self) -> Mapping[str, Sequence[ListedObject]]:
        """Return the entries by directory."""
        return _by_folder({DIRECTORY: self.trees, "": self.blobs})


class _CountView(_View):
    trees: _IdsView


class _RootView(_View):
    trees: _PagedView
    submodules: _PagedView
    blobs: _PagedView

    def rows(self) -> Sequence[ListedObject]:
        """Return the entries; none where there are more pages of them."""
        parts = {DIRECTORY: self.trees, GITLINK: self.submodules, "": self.blobs}
        if any(part.page_info.has_next_page for part in parts.values()):
            return ()
        return _by_folder(parts).get("", ())


def _by_folder(
    parts: Mapping[str, _EntriesView],
) -> Mapping[str, Sequence[ListedObject]]:
    """Return entries by directory; of those without a mode their part gives it."""
    rows = defaultdict[str, list[ListedObject]](list)
    for mode, part in parts.items():
        for entry in part.nodes:
            folder, name = posixpath.split(entry.path)
            rows[folder].append(
                ListedObject(name=name, mode=mode or entry.mode, oid=entry.sha)
            )
    return rows


class _BlobView(_View):
    path: str
    oid: _ObjectId
    raw_blob: str | None = None


class _BlobsView(_View):
    nodes: tuple[_BlobView | None, ...] = ()


class CodeView(_View):
    """https://docs.gitlab.com/api/graphql/reference/#repository."""

    root_ref: str
    before: _Tip
    after: _Tip
    root: _RootView
    large: _CountView | None = None
    """All directories of it, where there may be too many to list."""
    blobs: _BlobsView | None = None
    trees: dict[str, TreeView] = Field(default_factory=dict)
    """By alias: the other directories, as far as they exist."""

    @property
    def is_large(self) -> bool:
        """Whether there are more than `LARGE` directories, whatever a page lists."""
        if self.large is None:
            return False
        trees = self.large.trees
        return trees.page_info.has_next_page and len(trees.nodes) >= LARGE


class ProjectView(_View):
    """https://docs.gitlab.com/api/graphql/reference/#project."""

    id: str
    full_path: str
    visibility: str
    repository: CodeView

    @property
    def number(self) -> int:
        """The number of the project; 0 when its id is not a project's."""
        number = self.id.removeprefix(_PROJECT)
        return int(number) if number.isdecimal() and len(number) < 19 else 0  # noqa: PLR2004 - digits of 64 bits

    @property
    def commit(self) -> CommitSha | None:
        """The head; None when it moved while the answer was made."""
        before = self.repository.before.last_commit.sha
        is_still = before == self.repository.after.last_commit.sha
        return CommitSha(before) if is_still else None


def read_answer(reply: GraphQlAnswer, query: GitLabHeadQuery) -> ProjectView | None:
    """Read an answer; None when it does not show the project with its root.

    An answer of which a field failed is not used: an error of the storage may be what
    left a directory without entries.
    """
    found = None if reply.is_partial else project_of(reply)
    repository = found.get("repository") if found else None
    if not found or not isinstance(repository, dict):
        return None
    aliases = (*query.directories, *query.listings)
    trees = {alias: repository[alias] for alias in aliases if repository.get(alias)}
    try:
        return ProjectView.model_validate(
            {**found, "repository": {**repository, "trees": trees}}
        )
    except ValidationError:
        return None


def project_of(reply: GraphQlAnswer) -> Mapping[str, Any] | None:
    """Return the project of an answer, which may be of any shape; None without one."""
    found = reply.data.get("project")
    listed = reply.data.get("projects")
    nodes = listed.get("nodes") if isinstance(listed, dict) else None
    if isinstance(nodes, list) and nodes:
        found = nodes[0]
    return found if isinstance(found, dict) else None


def keep_objects(
    found: CodeView, query: GitLabHeadQuery, commit: CommitSha, objects: KnownObjects
) -> bool:
    """Keep what came with a commit; return whether its root is among it."""
    blobs = [blob for blob in (found.blobs.nodes if found.blobs else ()) if blob]
    for blob in blobs:
        if blob.raw_blob is not None:
            # A text that GitLab recoded, or cut, does not have the id.
            objects.keep_file(BlobId(blob.oid), blob.raw_blob)
    rows = found.root.rows()
    if not rows or not _agree(rows, blobs) or not _keep_root(found, commit, objects):
        return False
    known = {row.name: row.oid for row in rows if row.mode == DIRECTORY}
    for alias, path in {**query.directories, **query.listings}.items():
        tree = found.trees.get(alias)
        if tree is not None:
            _keep_below(tree, path, known, objects)
    return True


def _keep_root(found: CodeView, commit: CommitSha, objects: KnownObjects) -> bool:
    rows = found.root.rows()
    try:
        root = compute_directory_id(rows, like=BlobId(commit))
    except UnprovenAnswerError:
        return False
    if not objects.keep_listing(root, rows):
        return False
    objects.keep_root(commit, root)
    if found.is_large:
        objects.keep_large(root)
    return True


def _agree(rows: Iterable[ListedObject], blobs: Iterable[_BlobView]) -> bool:
    """Return whether files of the root have the ids that its entries have."""
    entries = {row.name: row.oid for row in rows}
    return all(
        entries.get(blob.path) == blob.oid for blob in blobs if "/" not in blob.path
    )


def _keep_below(
    tree: TreeView, top: str, known: dict[str, str], objects: KnownObjects
) -> None:
    """Keep the directories of one answer, from the top down.

    Args:
        tree: The answer.
        top: The path of its directory; empty for the root.
        known: The ids of directories by path: those that a directory above proves.
            Grows by the directories that are found.
        objects: The cache.
    """
    rows = tree.rows()
    for folder in sorted(rows, key=lambda path: path.count("/") if path else -1):
        if folder:
            oid = known.get(folder)
            if oid is None or not objects.keep_listing(BlobId(oid), rows[folder]):
                continue
        elif top:
            continue
        known |= {
            posixpath.join(folder, row.name): row.oid
            for row in rows[folder]
            if row.mode == DIRECTORY and is_commit(row.oid)
        }
