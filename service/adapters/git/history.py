"""The history of a repository, replayed push by push into a temporary repository.

A local repository lends its objects (alternates), a URL is fetched; the original is
never written to.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from service.adapters.git.command import CommandResult, Git
from service.adapters.git.errors import translate_failure
from service.adapters.git.remote import SCRATCH_PREFIX
from service.domain.definition import EXECUTABLE, FILE
from service.domain.evaluation.replay import ROOT
from service.domain.repository import CommitSha, Repository
from service.errors import InvalidRequestError, NotFoundError

__all__ = ["History", "open_history"]

DEADLINE: Final = timedelta(minutes=30)
"""For one command, which may have to fetch a large repository as a whole."""
PATHS_PER_COMMAND: Final = 500
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
    """A repository with all commits of another, and one branch to push them to.

    Args:
        git: Runs the commands.
        folder: The temporary repository.
        origin: The repository that resolves revisions: the original, or `folder`.
        name: The original's path or URL, for error messages.
        end: The revision of the newest commit in `origin`.
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
        await self._run_checked("update-ref", _BRANCH, commit)

    async def changed_paths(self, one: CommitSha, other: CommitSha) -> Sequence[str]:
        result = await self._run_checked(
            *("diff-tree", "-r", "-z", "--name-only", "--no-renames"),
            *("--diff-filter=AMT", one, other),
        )
        paths = result.out.decode("utf-8", "surrogateescape")
        return [path for path in paths.split("\0") if path]

    async def differ(
        self, one: CommitSha, other: CommitSha, paths: Mapping[str, bool]
    ) -> bool:
        if paths.get(ROOT):
            return bool((await self._run_checked("diff-tree", one, other)).out)
        named = sorted(path for path in paths if path != ROOT)
        for start in range(0, len(named), PATHS_PER_COMMAND):
            batch = named[start : start + PATHS_PER_COMMAND]
            # `-t` lists a directory, too: it may appear where a file was looked for.
            result = await self._run_checked(
                *("diff-tree", "-r", "-t", "-z", "--no-renames"),
                *(one, other, "--", *batch),
            )
            if any(_is_counted(match, paths) for match in _ROW.finditer(result.out)):
                return True
        return False

    async def commits(
        self, *, start: str | None, end: str | None, is_all: bool, every: int
    ) -> Sequence[CommitSha]:
        """Return where the branch was after each push, oldest first.

        Args:
            start: The revision before the first push; None for the root commit.
            end: The revision of the last push; None for the newest commit.
            is_all: Whether each commit of a merged branch is a push of its own.
            every: How many commits make one push.

        Raises:
            NotFoundError: There is no such revision.
            InvalidRequestError: `start` is no ancestor of `end`, or equals it.
        """
        last = await self._commit(end or self._end)
        first = await self._commit(start) if start else None
        options = () if is_all else ("--first-parent",)
        bounds = (last, f"^{first}") if first else (last,)
        out = (
            await self._run_checked("rev-list", "--topo-order", *options, *bounds)
        ).out
        listed = [CommitSha(part) for part in out.decode("ascii").split()][::-1]
        if first:
            await self._check_ancestry(first, last)
            listed.insert(0, first)
        if len(listed) == 1:
            raise InvalidRequestError(f"{self._name}: there is no commit to replay")
        return _thin_out(listed, every)

    async def _check_ancestry(self, first: CommitSha, last: CommitSha) -> None:
        result = await self._git.run(
            "merge-base", "--is-ancestor", first, last, folder=self._folder
        )
        # `merge-base --is-ancestor` answers by its exit code; 1 is "no", more is an
        # error, and neither can be replayed.
        if result.code:
            raise InvalidRequestError(
                f"{self._name}: {last[:12]} does not come after {first[:12]}"
            )

    async def _commit(self, revision: str) -> CommitSha:
        # Peels an annotated tag, and refuses what is neither a commit nor such a tag.
        peeled = f"{revision}^{{commit}}"
        result = await self._git.run(
            *("rev-parse", "--verify", "--quiet", "--end-of-options", peeled),
            folder=self._origin,
        )
        if result.code:
            is_own = revision == self._end
            what = "no commits yet" if is_own else f"no commit {revision[:200]!r}"
            raise NotFoundError(f"{self._name} has {what}")
        return CommitSha(result.out.decode("ascii").strip())

    async def _run_checked(self, *arguments: str) -> CommandResult:
        return await _run_checked(self._git, self._folder, *arguments)


def _is_counted(row: re.Match[bytes], paths: Mapping[str, bool]) -> bool:
    """Return whether a row of `diff-tree` concerns one of the paths.

    Args:
        row: A match of `_ROW`.
        paths: Each path, and whether its content matters or only what kind it is.
    """
    is_whole = paths.get(row["path"].decode("utf-8", "surrogateescape"))
    if is_whole is None:
        return False  # a path below one of them, whose directory has its own row
    modes = (row["old"].decode("ascii"), row["new"].decode("ascii"))
    old, new = (FILE if mode == EXECUTABLE else mode for mode in modes)
    return old != new or (is_whole and row["before"] != row["after"])


def _thin_out(commits: Sequence[CommitSha], every: int) -> Sequence[CommitSha]:
    """Keep the first, the last, and every nth commit between them."""
    kept = [*commits[::every]]
    return kept if kept[-1] == commits[-1] else [*kept, commits[-1]]


@asynccontextmanager
async def open_history(
    location: str, *, environment: Mapping[str, str]
) -> AsyncIterator[History]:
    """Open the history of a local repository or a URL, for the block.

    Args:
        location: A path or a URL.
        environment: The environment of this process, for proxies and certificates.

    Raises:
        InvalidRequestError: It is no repository, or its history is incomplete.
        RemoteRefusedError: The URL has no such repository, or we may not read it.
        TransientError: The remote did not answer.
    """
    git = Git(
        environment=environment,
        protocols=("http", "https", "file"),
        deadline=DEADLINE,
        at_once=1,
    )
    with TemporaryDirectory(
        prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True
    ) as scratch:
        folder = Path(scratch) / "replayed.git"
        if "://" in location:
            yield await _fetch_url(git, folder, Repository.from_url(location))
        else:
            yield await _borrow_objects(git, folder, location)


async def _fetch_url(git: Git, folder: Path, repository: Repository) -> History:
    url = repository.url
    await _init_repository(git, folder, hashing="sha1")
    result = await git.run(
        *("fetch", "--quiet", "--no-write-fetch-head", "--end-of-options", url),
        # Branches go below refs/remotes: users name them in the usual short form,
        # and the branch that is pushed to is free.
        *("+refs/heads/*:refs/remotes/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{_END}"),
        folder=folder,
    )
    if result.code:
        raise translate_failure(result, f"fetch {url}")
    await _refuse_incomplete(git, folder, url)
    return History(git=git, folder=folder, origin=folder, name=url, end=_END)


async def _borrow_objects(git: Git, folder: Path, path: str) -> History:
    origin = _find_git_folder(path)
    result = await git.run("rev-parse", "--show-object-format", folder=origin)
    hashing = result.out.decode("ascii", "replace").strip()
    if origin is None or result.code or not _FORMAT.fullmatch(hashing):
        raise InvalidRequestError(f"{path!r} is neither a git repository nor a URL")
    await _refuse_incomplete(git, origin, path)
    await _init_repository(git, folder, hashing=hashing)
    result = await _run_checked(git, origin, "rev-parse", "--git-path", "objects")
    objects = (origin / result.out.decode("utf-8", "surrogateescape").strip()).resolve()
    # https://git-scm.com/docs/gitrepository-layout, objects/info/alternates
    alternates = folder / "objects" / "info" / "alternates"
    alternates.write_text(f"{objects}\n", encoding="utf-8", errors="surrogateescape")
    return History(git=git, folder=folder, origin=origin, name=path, end="HEAD")


def _find_git_folder(text: str) -> Path | None:
    """Find the git directory that a path is in, as git would."""
    path = Path(text).expanduser().resolve()
    for folder in (path, *path.parents):
        dot = folder / ".git"
        if dot.is_dir():
            return dot
        if dot.is_file():
            # A linked worktree or a submodule: the file names the git directory.
            _, _, target = dot.read_text().strip().partition("gitdir: ")
            return (folder / target).resolve()
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder
    return None


async def _init_repository(git: Git, folder: Path, *, hashing: str) -> None:
    # Without templates: those of the system may hold hooks, and they are copied by
    # `init`.
    options = ("--quiet", "--bare", "--template=", f"--object-format={hashing}")
    await _run_checked(git, folder, "init", *options)
    await _run_checked(git, folder, "symbolic-ref", "HEAD", _BRANCH)
    # The replay reads by a partial clone as the service does, and `file://` allows no
    # filter by default.
    await _run_checked(git, folder, "config", "uploadpack.allowFilter", "true")
    (folder / "objects" / "info").mkdir(exist_ok=True)


async def _refuse_incomplete(git: Git, folder: Path, name: str) -> None:
    """Refuse a shallow or partial clone.

    Raises:
        InvalidRequestError: The repository is one.
    """
    result = await _run_checked(git, folder, "rev-parse", "--is-shallow-repository")
    if result.out.strip() == b"true":
        raise InvalidRequestError(
            f"{name} is a shallow clone: its history is cut off; git fetch --unshallow"
            " brings the rest"
        )
    result = await git.run(
        "config", "--get-regexp", r"^remote\..*\.promisor$", folder=folder
    )
    if result.code == 0:
        raise InvalidRequestError(
            f"{name} is a partial clone: files of its history are not there; clone it"
            " without --filter"
        )


async def _run_checked(git: Git, folder: Path, *arguments: str) -> CommandResult:
    result = await git.run(*arguments, folder=folder)
    if result.code or result.is_cut:
        raise translate_failure(result, f"run git {arguments[0]}")
    return result
