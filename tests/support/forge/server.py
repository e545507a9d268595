"""The forge itself: what tests hold in their hands."""

import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from service.adapters.clock import SystemClock
from service.adapters.processes import PIPE, start_process
from service.ports.time import Clock
from tests.support.forge import door, gitea_api, github_api, gitlab_api, lifecycle
from tests.support.forge.access import OWNER_TOKEN, READER_TOKEN, Tokens
from tests.support.forge.deliveries import Courier, Delivery, DeliveryFaults
from tests.support.forge.hooks import Hook, HookShelf
from tests.support.forge.limits import Limits, Refusal, Refusals, Scope
from tests.support.forge.recording import Recorded
from tests.support.forge.repositories import HostedRepo, Shelf
from tests.support.forge.smart_http import GitDoor
from tests.support.repos import ENVIRONMENT, Content, Repo

Vendor = Literal["github", "gitlab", "gitea"]

ROOTS: Final = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
_TABLES: Final = {"github": github_api, "gitlab": gitlab_api, "gitea": gitea_api}
_BODY: Final = 256 * 1024 * 1024
_FIRST_NUMBER: Final = 4711


class Forge:
    """A running forge of one vendor.

    `hooks`, `deliveries` and `requests` are in the order in which they came to be.
    """

    has_graphql = True
    """Whether it answers GraphQL: a proxy in front of it may not let that through."""
    text_cap = 512 * 1000
    """Bytes of a file beyond which GitHub's GraphQL cuts its text."""

    def __init__(self, folder: Path, *, vendor: Vendor, clock: Clock) -> None:
        self._folder = folder
        self.hosted = folder / "hosted"
        """Where the bare repositories lie."""
        self._next = _FIRST_NUMBER
        self.vendor: Vendor = vendor
        self.clock = clock
        self.url = ""
        self.token = OWNER_TOKEN
        """May everything."""
        self.reader_token = READER_TOKEN
        """Belongs to somebody who may only read what is public."""
        self.tokens = Tokens()
        self.repositories = Shelf()
        self.hooks = HookShelf(clock=clock)
        self.limits = Limits(vendor=vendor, clock=clock)
        self.refusals = Refusals()
        self.requests: list[Recorded] = []
        self.courier = Courier(vendor=vendor, clock=clock, hooks=self.hooks)
        self.git = GitDoor(self)
        self.tree_cap = 100_000
        """Entries of a deep tree (GitHub) before it is truncated."""
        self.blob_cap = 100 * 1024 * 1024
        """Bytes beyond which GitHub serves no blob."""
        self.compare_cap = 3000
        """Files of a comparison beyond which GitLab gives up."""
        self.push_event_hooks_limit = 3
        """Refs of a kind in one push beyond which GitLab calls no hook."""
        self.version = "19.1.0"
        """Which GitLab this is; before 19.0 there are no signing tokens."""

    @property
    def api(self) -> str:
        return self.url + ROOTS[self.vendor]

    @property
    def host(self) -> str:
        """With the port, as `Repository.host` has it."""
        return URL(self.url).authority

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery, made or dropped, oldest first."""
        return self.courier.log

    @property
    def faults(self) -> DeliveryFaults:
        """What happens to deliveries on their way."""
        return self.courier.faults

    # repositories

    def create(
        self,
        path: str,
        *,
        files: Mapping[str, Content] | None = None,
        visibility: str = "public",
        hashing: str = "sha1",
    ) -> HostedRepo:
        """Host a new repository; without files it is empty."""
        number, self._next = self._next, self._next + 7
        repo = HostedRepo(
            number=number,
            path=path,
            bare=Repo(self.hosted / f"{number}.git", hashing=hashing),
            work=Repo(self._folder / "work" / f"{number}.git", hashing=hashing),
            forge_url=self.url,
            created_at=self.clock.now(),
            publish=self._publish,
            hashing=hashing,
            visibility=visibility,
        )
        repo.bare.configure("http.receivepack", "true")
        repo.bare.configure("uploadpack.allowAnySHA1InWant", "true")
        if files is not None:
            repo.work.commit(files)
            repo.work.git("push", "--quiet", str(repo.bare.path), "--all")
        self.repositories.add(repo)
        return repo

    def rename(self, repo: HostedRepo, path: str) -> None:
        """Rename or transfer a repository; its old name redirects to it."""
        old_owner, old_name = repo.owner, repo.name
        self.repositories.rename(repo, path)
        if repo.owner != old_owner:
            lifecycle.tell_transferred(self, repo, old_owner)
        else:
            was = {"repository": {"name": {"from": old_name}}}
            lifecycle.tell(self, repo, "renamed", was)

    def delete(self, repo: HostedRepo) -> None:
        """Delete a repository, its hooks and its number."""
        self.repositories.remove(repo)
        self.hooks.forget(repo.number)

    def set_visibility(self, repo: HostedRepo, visibility: str) -> None:
        """Make a repository public, internal (GitLab) or private."""
        repo.visibility = visibility
        is_private = visibility == "private"
        lifecycle.tell(self, repo, "privatized" if is_private else "publicized")

    def make_default(self, repo: HostedRepo, branch: str) -> None:
        """Choose another default branch in the forge's settings."""
        was = {"default_branch": {"from": repo.default_branch}}
        repo.make_default(branch)
        lifecycle.tell(self, repo, "edited", was)

    def archive(self, repo: HostedRepo) -> None:
        repo.is_archived = True
        lifecycle.tell(self, repo, "archived")

    async def _publish(self, repo: HostedRepo, refspecs: Sequence[str]) -> None:
        url = URL(repo.url).with_user("owner").with_password(self.token)
        process = await start_process(
            *("git", "-C", str(repo.work.path), "push", "--quiet", "--porcelain"),
            *(str(url), *refspecs),
            stdout=PIPE,
            stderr=PIPE,
            env={**ENVIRONMENT, "GIT_TERMINAL_PROMPT": "0"},
        )
        _, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode("utf-8", "replace")

    # trouble

    def limit(
        self, *, remaining: int, reset: int | None = None, status: int = 403
    ) -> None:
        """Leave every caller so many requests, until `reset` (seconds, epoch).

        GitHub refuses what is beyond with `status`: 403 or 429, it sends both.
        """
        self.limits.status = status
        self.limits.order(remaining, reset)

    def fail_next(
        self,
        status: int,
        count: int = 1,
        headers: Mapping[str, str] | None = None,
        *,
        message: str = "",
        body: bytes | None = None,
        scope: Scope = "api",
    ) -> None:
        """Refuse the next requests, instead of doing what they ask for.

        Args:
            status: The answer's; a redirection, too, with its `Location`.
            count: How many of them.
            headers: More of them than the vendor's.
            message: What the vendor's error says.
            body: Said instead of an error, as JSON, whatever it is.
            scope: Whether requests of the API are meant, or git's, or all.
        """
        self.refusals.waiting.append(
            Refusal(status, count, headers or {}, message, scope, body)
        )

    def hang_next(self, count: int = 1, *, scope: Scope = "api") -> None:
        """Answer the next requests never."""
        self.refusals.waiting.append(Refusal(0, count, {}, "", scope, hangs=True))

    def freeze(self, repo: HostedRepo) -> None:
        """Let the API lag behind: it shows what is there now, whatever is pushed."""
        copy = self._folder / "replicas" / repo.bare.path.name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(repo.bare.path, copy)
        repo.replica = Repo(copy, hashing=repo.hashing)

    def thaw(self, repo: HostedRepo) -> None:
        """Let the API catch up."""
        repo.replica = None

    def limit_secondary(self, *, retry_after: int | None = 60, count: int = 1) -> None:
        """Refuse as GitHub does whoever asks too fast; with budget left."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.fail_next(403, count, headers, message=github_api.SECONDARY)

    def drop_deliveries(self, drop: bool) -> None:  # noqa: FBT001 - reads well
        """Lose what hooks are told from now on, or do not."""
        self.faults.drop = drop

    async def settled(self) -> None:
        """Return when no delivery is on its way."""
        await self.courier.settled()

    def hooks_of(self, repo: HostedRepo) -> list[Hook]:
        return self.hooks.of(repo.number)


@asynccontextmanager
async def a_forge(
    folder: Path, *, vendor: Vendor, clock: Clock | None = None
) -> AsyncIterator[Forge]:
    """Run a forge on a port of this machine, over repositories in a folder."""
    forge = Forge(folder, vendor=vendor, clock=clock or SystemClock())
    app = web.Application(
        client_max_size=_BODY, middlewares=door.middlewares(forge, ROOTS[vendor])
    )
    _TABLES[vendor].add_routes(app.router, forge, ROOTS[vendor])
    app.router.add_route("*", "/{path:.*}", forge.git.handle)
    async with TestServer(app, shutdown_timeout=0.1) as server, forge.courier.running():
        forge.url = str(server.make_url("/")).rstrip("/")
        yield forge
