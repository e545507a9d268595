"""Resolve a revision among the refs that a remote listed."""

from collections.abc import Mapping, Sequence
from typing import Final

from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Ref, Repository, is_ref
from service.domain.source import Head, Revision, RevisionKind

__all__ = ["HEAD", "read_head"]

HEAD: Final = Ref("HEAD")


def read_head(
    repository: Repository,
    revision: Revision,
    refs: Sequence[Ref],
    listed: Mapping[Ref, CommitSha],
    *,
    default: Ref,
) -> Head | RefMissing:
    """Resolve a revision among the refs that a remote listed."""
    if revision.kind is RevisionKind.COMMIT:
        return _make_head(CommitSha(revision.name), None)
    for ref in refs:
        # `^{}` is the commit of an annotated tag; a light tag and a branch have none.
        commit = listed.get(Ref(f"{ref}^{{}}")) or listed.get(ref)
        if commit:
            # The server names the default branch, and may name anything.
            named = default if is_ref(default) else HEAD
            return _make_head(commit, named if ref == HEAD else ref)
    if revision.kind is RevisionKind.DEFAULT:
        message = f"{repository.url} has no commits on a default branch yet."
    elif refs:
        message = f"{repository.url} has no {' or '.join(refs)}."
    else:
        message = f"{revision.name[:200]!r} is no name git allows."
    return RefMissing(message=message)


def _make_head(commit: CommitSha, ref: Ref | None) -> Head:
    """Make a public head: git is run without credentials."""
    return Head(commit=commit, ref=ref, is_private=False)
