"""A local repository's pushes, as the facts that a forge would send."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from service.adapters.git.command import Git
from service.domain.repository import Ref, Repository, is_commit, is_zero
from service.errors import InvalidRequestError, NotFoundError
from service.forges.push_facts import CommitFacts, PushFacts

__all__ = ["MovedRef", "PushHistory"]

DEADLINE: Final = timedelta(seconds=60)
MOST_COMMITS: Final = 5000
"""Forges send 2048 at most, and the number of the rest."""

_FORMAT: Final = "%H%x00%T%x00%cI%x00%an%x00%ae%x00%B"
_FIELDS: Final = 6
_STATUS: Final = re.compile(r"[ACDMRTUXB]\d*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedRef:
    """A ref that a push moved, as git's post-receive hook gets it.

    https://git-scm.com/docs/githooks#post-receive
    """

    before: str
    after: str
    ref: Ref

    @classmethod
    def from_line(cls, line: str) -> "MovedRef":
        """Read `old new ref`.

        Raises:
            InvalidRequestError: It is something else.
        """
        before, _, rest = line.strip().partition(" ")
        after, _, ref = rest.partition(" ")
        if not (is_commit(before) and is_commit(after) and ref.startswith("refs/")):
            raise InvalidRequestError(
                f"{line[:200]!r} is no post-receive line; expected `old new ref`"
            )
        return cls(before=before, after=after, ref=Ref(ref))


@dataclass(slots=True, kw_only=True)
class _Paths:
    """The paths of one commit that differ from its first parent."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)

    def note(self, status: str, paths: Sequence[str]) -> None:
        """Sort one entry of `--name-status` in."""
        if status == "R":
            self.renamed.append((paths[0], paths[1]))
        elif status in {"A", "C"}:
            self.added.append(paths[-1])
        elif status == "D":
            self.removed.append(paths[0])
        else:
            self.modified.append(paths[0])


class PushHistory:
    """Reads one repository of this machine.

    Args:
        folder: A working folder or a bare repository.
    """

    def __init__(self, folder: Path) -> None:
        self._git_dir = _git_dir(folder)
        self._git = Git(
            environment={}, protocols=("file",), deadline=DEADLINE, at_once=1
        )

    async def last_push(self, ref: str | None) -> MovedRef:
        """Describe what the last push of a ref, or of the present branch, moved.

        Where the repository has pushed to a remote, git's own record of it says
        so (https://git-scm.com/docs/git-reflog); elsewhere the newest commit counts
        as pushed.

        Raises:
            NotFoundError: There is no such ref, or no commit.
        """
        name = Ref(await self._full_name(ref) if ref else await self._present())
        branch = name.removeprefix("refs/heads/")
        tracking = await self._ask("for-each-ref", "--format=%(upstream)", name)
        for reflog in (tracking, f"refs/remotes/origin/{branch}"):
            after = reflog and await self._commit(reflog)
            before = after and await self._commit(f"{reflog}@{{1}}")
            if after and before and before != after:
                return MovedRef(before=before, after=after, ref=name)
        after = await self._object(name)
        before = await self._commit(f"{name}^") or "0" * len(after)
        return MovedRef(before=before, after=after, ref=name)

    async def facts(self, moved: MovedRef, repository: Repository) -> PushFacts:
        """Collect the facts that a forge would send of a push."""
        head = None if is_zero(moved.after) else await self._commit(moved.after)
        commits = await self._commits(moved, head) if head else []
        newest = await self._described(["-1", head], {}) if head else []
        if head and commits and commits[-1].id == head:
            newest = commits[-1:]
        return PushFacts(
            repository=repository,
            ref=moved.ref,
            before=moved.before,
            after=moved.after,
            head=newest[0] if newest else None,
            commits=commits,
            default_branch=(await self._present()).removeprefix("refs/heads/"),
            is_forced=await self._is_forced(moved, head),
        )

    async def object(self, revision: str) -> str:
        """Return the id a revision stands for; all zeros stay as they are.

        Raises:
            NotFoundError: There is no such revision.
        """
        return revision if is_zero(revision) else await self._object(revision)

    async def _commits(self, moved: MovedRef, head: str) -> list[CommitFacts]:
        if is_zero(moved.before):
            known = (f"--exclude={moved.ref}", "--all")
            span = [head, "--not", *known]
        else:
            span = [head, f"^{moved.before}"]
        log = ("log", "--reverse", f"--max-count={MOST_COMMITS}", "-z", "-M")
        lines = await self._lines(
            *log, "--name-status", "--diff-merges=first-parent", "--format=%H", *span
        )
        return await self._described([*span], _paths(lines))

    async def _described(
        self, span: Sequence[str], paths: Mapping[str, _Paths]
    ) -> list[CommitFacts]:
        lines = await self._lines(
            "log",
            "--reverse",
            f"--max-count={MOST_COMMITS}",
            "-z",
            f"--format={_FORMAT}",
            *span,
        )
        rows = zip(*[iter(lines)] * _FIELDS, strict=False)
        return [_commit(row, paths.get(row[0], _Paths())) for row in rows]

    async def _is_forced(self, moved: MovedRef, head: str | None) -> bool:
        if head is None or is_zero(moved.before):
            return False
        result = await self._git.run(
            "merge-base", "--is-ancestor", moved.before, head, folder=self._git_dir
        )
        return result.code == 1

    async def _full_name(self, ref: str) -> str:
        if ref.startswith("refs/"):
            return ref
        for prefix in ("refs/heads/", "refs/tags/"):
            if await self._commit(prefix + ref):
                return prefix + ref
        raise NotFoundError(f"there is no branch or tag {ref!r} in {self._git_dir}")

    async def _present(self) -> str:
        name = await self._ask("symbolic-ref", "--quiet", "HEAD")
        if not name:
            raise NotFoundError(f"{self._git_dir} is on no branch; name one with --ref")
        return name

    async def _object(self, revision: str) -> str:
        found = await self._ask("rev-parse", "--verify", "--quiet", revision)
        if not found:
            raise NotFoundError(f"there is no {revision!r} in {self._git_dir}")
        return found

    async def _commit(self, revision: str) -> str:
        return await self._ask(
            "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"
        )

    async def _ask(self, *arguments: str) -> str:
        """Return git's answer; empty when it has none."""
        result = await self._git.run(*arguments, folder=self._git_dir)
        return result.out.decode("utf-8", "replace").strip() if result.code == 0 else ""

    async def _lines(self, *arguments: str) -> list[str]:
        result = await self._git.run(*arguments, folder=self._git_dir)
        if result.code:
            reason = result.err.strip()[-300:]
            raise InvalidRequestError(f"git {arguments[0]}: {reason}")
        return result.out.decode("utf-8", "replace").split("\0")


def _git_dir(folder: Path) -> Path:
    """Find where git keeps a repository.

    Raises:
        InvalidRequestError: The folder is no repository.
    """
    inside = folder / ".git"
    if inside.is_file():
        # A worktree or a submodule: https://git-scm.com/docs/gitrepository-layout
        target = inside.read_text().removeprefix("gitdir:").strip()
        return (folder / target).resolve()
    for place in (inside, folder):
        if (place / "HEAD").is_file():
            return place.resolve()
    raise InvalidRequestError(f"{folder} is no git repository")


def _paths(tokens: Sequence[str]) -> dict[str, _Paths]:
    """Read `log -z --name-status --format=%H`: ids, each followed by its entries."""
    found: dict[str, _Paths] = {}
    present = _Paths()
    for token, rest in _entries(iter(tokens)):
        if rest:
            present.note(token[0], rest)
        else:
            present = found.setdefault(token, _Paths())
    return found


def _entries(tokens: Iterator[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for raw in tokens:
        token = raw.lstrip("\n")
        if not token:
            continue
        if is_commit(token):
            yield token, ()
        elif _STATUS.fullmatch(token):
            count = 2 if token[0] in "RC" else 1
            yield token, tuple(next(tokens, "") for _ in range(count))


def _commit(row: tuple[str, ...], paths: _Paths) -> CommitFacts:
    name, tree, at, author, email, message = row
    return CommitFacts(
        id=name.lstrip("\n"),
        tree=tree,
        message=message,
        at=datetime.fromisoformat(at),
        author_name=author,
        author_email=email,
        added=tuple(paths.added),
        removed=tuple(paths.removed),
        modified=tuple(paths.modified),
        renamed=tuple(paths.renamed),
    )
