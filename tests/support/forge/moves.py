"""Refs that a push moved."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.forge import reading
from tests.support.forge.reading import Commit
from tests.support.forge.repositories import HostedRepo
from tests.support.repos import Repo

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One ref, and what it held before and after."""

    ref: str
    before: str
    after: str
    """Objects as the ref holds them: a tag's may be a tag object; zeros are none."""
    others: frozenset[str] = frozenset()
    """What the other refs held before the push."""

    @property
    def is_tag(self) -> bool:
        return self.ref.startswith(TAGS)

    @property
    def is_created(self) -> bool:
        return set(self.before) == {"0"}

    @property
    def is_deleted(self) -> bool:
        return set(self.after) == {"0"}

    @property
    def name(self) -> str:
        """The short name, slashes and all."""
        return self.ref.removeprefix(BRANCHES).removeprefix(TAGS)


def between(before: Mapping[str, str], after: Mapping[str, str]) -> list[Move]:
    """Return the branches and tags that moved; other refs concern nobody."""
    moved = []
    for ref in sorted(before.keys() | after.keys()):
        old, new = before.get(ref), after.get(ref)
        if old == new or not ref.startswith((BRANCHES, TAGS)):
            continue
        width = len(old or new or "")
        others = frozenset(sha for name, sha in before.items() if name != ref)
        moved.append(
            Move(
                ref=ref,
                before=old or "0" * width,
                after=new or "0" * width,
                others=others,
            )
        )
    return moved


def commit_at(repo: Repo, sha: str) -> str | None:
    """Peel a ref's object to its commit; None for zeros, trees and blobs."""
    found = reading.find(repo, f"{sha}^{{commit}}")
    return found[0] if found else None


def new_commits(
    repo: HostedRepo, tip: str, *without: str, renames: bool
) -> list[Commit]:
    """Return what a tip has and others have not, oldest first, with its changes."""
    known = [f"^{text}" for text in without if commit_at(repo.bare, text)]
    newest_first = reading.log_with_changes(repo.bare, tip, *known, renames=renames)
    return newest_first[::-1]


def lists(commit: Commit, *, most: int | None = None) -> dict[str, list[str]]:
    """Sort a commit's changes into what was added, removed and modified.

    A rename found as one is told by its new path alone, as an addition.
    """
    found: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
    words = {"A": "added", "R": "added", "C": "added", "D": "removed"}
    for change in commit.changes[:most]:
        found[words.get(change.letter, "modified")].append(change.path)
    return found
