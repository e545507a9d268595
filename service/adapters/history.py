"""A repository's history, to be pushed once more to a repository of our own.

The objects of a folder are borrowed, those of a URL are fetched; nothing is written to
where they come from.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from service.adapters.git import SCRATCH_PREFIX
from service.adapters.git_command import Git, Said
from service.adapters.git_errors import failure
from service.domain.definition import EXECUTABLE, FILE
from service.domain.replaying import ROOT
from service.domain.repository import CommitSha, Repository
from service.errors import InvalidRequestError, NotFoundError

__all__ = ["History", "open_history"]

DEADLINE: Final = timedelta(minutes=30)
"""For one command; a large repository is fetched as a whole."""
PATHS_AT_ONCE: Final = 500
"""A closure has tens of paths; a command line takes thousands."""

_ROW: Final = re.compile(
    rb":(?P<old>\d+) (?P<new>\d+) (?P<before>\w+) (?P<after>\w+) [A-Z]\d*\0"
    rb"(?P<path>[^\0]+)\0"
)
"""https://git-scm.com/docs/git-diff-tree#_raw_output_format"""
_END: Final = "refs/relaunch/end"
_BRANCH: Final = "refs/heads/replayed"
_FORMAT: Final = re.compile(r"sha1|sha256")


class History:
    """Implements `Stage`: a repository with all commits and one branch that moves.

    Args:
        git: Runs the commands.
        folder: The repository of our own.
        origin: Where commits are named: the folder they come from, or our own.
        name: What a person calls it.
        end: What the origin calls its newest commit.
    """

    def __init__(
        self, *, git: Git, folder: Path, origin: Path, name: str, end: str
    ) -> None:
        self._git = git
        self._folder = folder
        self._origin = origin
        self._name = name
        self._end = end

    @property
    def repository(self) -> Repository:
        return Repository.from_url(self._folder.as_uri())

    async def push(self, commit: CommitSha) -> None:
        await self._sure("update-ref", _BRANCH, commit)

    async def differ(
        self, one: CommitSha, other: CommitSha, paths: Mapping[str, bool]
    ) -> bool:
        if paths.get(ROOT):
            return bool((await self._sure("diff-tree", one, other)).out)
        named = sorted(it for it in paths if it != ROOT)
        for start in range(0, len(named), PATHS_AT_ONCE):
            batch = named[start : start + PATHS_AT_ONCE]
            # With `-t` a directory has a row of its own, as a file has.
            said = await self._sure(
                *("diff-tree", "-r", "-t", "-z", "--no-renames"),
                *(one, other, "--", *batch),
            )
            if any(_counts(it, paths) for it in _ROW.finditer(said.out)):
                return True
        return False

    async def commits(
        self, *, start: str | None, end: str | None, is_all: bool, every: int
    ) -> Sequence[CommitSha]:
        """Return where the branch was after each push, oldest first.

        Args:
            start: A revision: what is known before the first push; the first commit
                of all when None.
            end: A revision: the last push; the newest commit when None.
            is_all: Whether the commits of merged branches are pushes of their own.
            every: How many commits make one push.

        Raises:
            NotFoundError: There is no such revision.
            InvalidRequestError: The one does not lead to the other.
        """
        last = await self._commit(end or self._end)
        first = await self._commit(start) if start else None
        options = () if is_all else ("--first-parent",)
        bounds = (last, f"^{first}") if first else (last,)
        out = (await self._sure("rev-list", "--topo-order", *options, *bounds)).out
        listed = [CommitSha(it) for it in out.decode("ascii").split()][::-1]
        if first:
            await self._refuse_strangers(first, last)
            listed.insert(0, first)
        if len(listed) == 1:
            raise InvalidRequestError(f"{self._name}: there is no commit to replay")
        return _grouped(listed, every)

    async def _refuse_strangers(self, first: CommitSha, last: CommitSha) -> None:
        said = await self._git.run(
            "merge-base", "--is-ancestor", first, last, folder=self._folder
        )
        if said.code:
            raise InvalidRequestError(
                f"{self._name}: {last[:12]} does not come after {first[:12]}"
            )

    async def _commit(self, revision: str) -> CommitSha:
        asked = f"{revision}^{{commit}}"
        said = await self._git.run(
            *("rev-parse", "--verify", "--quiet", "--end-of-options", asked),
            folder=self._origin,
        )
        if said.code:
            is_own = revision == self._end
            what = "no commits yet" if is_own else f"no commit {revision[:200]!r}"
            raise NotFoundError(f"{self._name} has {what}")
        return CommitSha(said.out.decode("ascii").strip())

    async def _sure(self, *arguments: str) -> Said:
        return await _sure(self._git, self._folder, *arguments)


def _counts(row: re.Match[bytes], paths: Mapping[str, bool]) -> bool:
    """Say whether a difference is one at some paths."""
    is_whole = paths.get(row["path"].decode("utf-8", "surrogateescape"))
    if is_whole is None:
        return False  # below one of them
    modes = (row["old"].decode("ascii"), row["new"].decode("ascii"))
    old, new = (FILE if it == EXECUTABLE else it for it in modes)
    return old != new or (is_whole and row["before"] != row["after"])


def _grouped(commits: Sequence[CommitSha], every: int) -> Sequence[CommitSha]:
    """Keep the first, the last, and every so many between."""
    kept = [*commits[::every]]
    return kept if kept[-1] == commits[-1] else [*kept, commits[-1]]


@asynccontextmanager
async def open_history(
    where: str, *, environment: Mapping[str, str]
) -> AsyncIterator[History]:
    """Open the history of a folder or a URL, for the block.

    Args:
        where: Either of them.
        environment: Ours; only proxies and certificates are taken from it.

    Raises:
        InvalidRequestError: It is no repository, or not all of its history is there.
        RemoteRefusedError: The URL has no such repository for us.
        TransientError: It did not answer.
    """
    git = Git(
        environment=environment,
        protocols=("http", "https", "file"),
        deadline=DEADLINE,
        at_once=1,
    )
    with TemporaryDirectory(prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True) as room:
        folder = Path(room) / "replayed.git"
        if "://" in where:
            yield await _fetched(git, folder, Repository.from_url(where))
        else:
            yield await _borrowed(git, folder, where)


async def _fetched(git: Git, folder: Path, repository: Repository) -> History:
    url = repository.url
    await _make(git, folder, hashing="sha1")
    said = await git.run(
        *("fetch", "--quiet", "--no-write-fetch-head", "--end-of-options", url),
        # Found under their names, and not in the way of the branch that moves.
        *("+refs/heads/*:refs/remotes/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{_END}"),
        folder=folder,
    )
    if said.code:
        raise failure(said, f"fetch {url}")
    await _refuse_parts(git, folder, url)
    return History(git=git, folder=folder, origin=folder, name=url, end=_END)


async def _borrowed(git: Git, folder: Path, where: str) -> History:
    origin = _git_folder(where)
    said = await git.run("rev-parse", "--show-object-format", folder=origin)
    hashing = said.out.decode("ascii", "replace").strip()
    if origin is None or said.code or not _FORMAT.fullmatch(hashing):
        raise InvalidRequestError(f"{where!r} is neither a git repository nor a URL")
    await _refuse_parts(git, origin, where)
    await _make(git, folder, hashing=hashing)
    said = await _sure(git, origin, "rev-parse", "--git-path", "objects")
    objects = (origin / said.out.decode("utf-8", "surrogateescape").strip()).resolve()
    lent = folder / "objects" / "info" / "alternates"
    lent.write_text(f"{objects}\n", encoding="utf-8", errors="surrogateescape")
    return History(git=git, folder=folder, origin=origin, name=where, end="HEAD")


def _git_folder(where: str) -> Path | None:
    """Find the repository that a path is in, as git would."""
    path = Path(where).expanduser().resolve()
    for folder in (path, *path.parents):
        dot = folder / ".git"
        if dot.is_dir():
            return dot
        if dot.is_file():
            _, _, elsewhere = dot.read_text().strip().partition("gitdir: ")
            return (folder / elsewhere).resolve()
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder
    return None


async def _make(git: Git, folder: Path, *, hashing: str) -> None:
    how = ("init", "--quiet", "--bare", "--template=", f"--object-format={hashing}")
    await _sure(git, folder, *how)
    await _sure(git, folder, "symbolic-ref", "HEAD", _BRANCH)
    await _sure(git, folder, "config", "uploadpack.allowFilter", "true")
    (folder / "objects" / "info").mkdir(exist_ok=True)


async def _refuse_parts(git: Git, folder: Path, name: str) -> None:
    """Refuse a repository whose history or files were left at another.

    Raises:
        InvalidRequestError: It is one.
    """
    said = await _sure(git, folder, "rev-parse", "--is-shallow-repository")
    if said.out.strip() == b"true":
        raise InvalidRequestError(
            f"{name} is a shallow clone: its history is cut off; git fetch --unshallow"
            " brings the rest"
        )
    said = await git.run(
        "config", "--get-regexp", r"^remote\..*\.promisor$", folder=folder
    )
    if said.code == 0:
        raise InvalidRequestError(
            f"{name} is a partial clone: files of its history are not there; clone it"
            " without --filter"
        )


async def _sure(git: Git, folder: Path, *arguments: str) -> Said:
    said = await git.run(*arguments, folder=folder)
    if said.code or said.is_cut:
        raise failure(said, f"run git {arguments[0]}")
    return said
