"""Forges as everybody asks them: APIs where we have accounts, and plain git."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from service.adapters.anonymous import AnonymousRemote
from service.adapters.egress import EgressPolicy
from service.adapters.forge_api.api_tree import Kept, object_cache
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.commit_status_routing import RoutedCommitStatuses
from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.adapters.forge_api.http import open_http_client
from service.adapters.forge_api.rate_limit import NO_OBSERVER, ForgeObserver
from service.adapters.git.remote import GitRemote
from service.adapters.members_only import MembersOnly
from service.adapters.scratch import scratch_folder
from service.adapters.smart_http.remote import SmartHttpRemote
from service.domain.delivery import Forge
from service.ports.commit_statuses import CommitStatuses
from service.ports.forge_hooks import ForgeHooks
from service.ports.remote import FullRemote
from service.ports.time import Clock
from service.settings import Settings, passed_to_builds

__all__ = ["Remotes", "open_remotes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """What forges are asked through."""

    remote: FullRemote
    """With the installation's credentials, where it has some."""
    anonymous: FullRemote
    """Without any."""
    hooks: ForgeHooks
    notices: CommitStatuses


@asynccontextmanager
async def open_remotes(
    settings: Settings, *, clock: Clock, observer: ForgeObserver = NO_OBSERVER
) -> AsyncIterator[Remotes]:
    """Open what reads repositories, maintains hooks and posts commit statuses."""
    # Around everything that may use git, and emptied at the start: clones of a process
    # that was killed would fill the disk otherwise.
    with scratch_folder(settings.data / "scratch") as scratch:
        kept = object_cache(settings.forge.cache_mb)
        plain = _PlainGit(settings=settings, scratch=scratch, kept=kept, clock=clock)
        closed = settings.remote.members_only
        async with plain.open() as git, plain.open(closed=closed) as open_git:
            anonymous = AnonymousRemote(open_git, closed=closed)
            async with _beside_forges(
                settings, git, anonymous, kept=kept, clock=clock, observer=observer
            ) as remotes:
                yield remotes


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlainGit:
    """Opens remotes that need no API: over smart HTTP, and by git behind that."""

    settings: Settings
    scratch: Path
    kept: ImmutableCache[Kept]
    clock: Clock

    @asynccontextmanager
    async def open(
        self, *, closed: Collection[str] | None = None
    ) -> AsyncIterator[FullRemote]:
        """Open a remote.

        Args:
            closed: Hosts that may not be connected to, for what anybody may ask; None
                for the service itself, which may also read files of this machine where
                that is allowed.
        """
        is_ours = closed is None
        environment = passed_to_builds(self.settings)
        deadline = self.settings.remote.deadline
        # Of anybody's own: a host that is open to everybody may redirect to one that
        # is not.
        gate = EgressPolicy(self.settings.private_hosts, closed=closed or ())
        async with open_http_client(
            gate=gate, environment=environment, deadline=deadline
        ) as http:
            yield SmartHttpRemote(
                git=GitRemote(
                    environment=environment,
                    allow_files=is_ours and self.settings.allow_files,
                    scratch=self.scratch,
                    deadline=deadline,
                    gate=gate,
                ),
                http=http,
                environment=environment,
                kept=self.kept,
                scope="ours" if is_ours else "anybody's",
                clock=self.clock,
            )


@asynccontextmanager
async def _beside_forges(
    settings: Settings,
    git: FullRemote,
    anonymous: FullRemote,
    *,
    kept: ImmutableCache[Kept],
    clock: Clock,
    observer: ForgeObserver,
) -> AsyncIterator[Remotes]:
    if not settings.forge.hosts:
        yield Remotes(
            remote=_of_members(settings, git),
            anonymous=anonymous,
            hooks=RoutedForgeHooks(open_api=lambda _: None),
            notices=RoutedCommitStatuses(open_api=lambda _: None),
        )
        return
    # Only who has an account at a forge pays for the clients of its API.
    from service.adapters.forge_api.routing import RoutedRemote  # noqa: PLC0415
    from service.app.forges import open_forges  # noqa: PLC0415

    async with open_forges(
        settings, kept=kept, clock=clock, observer=observer
    ) as forges:
        yield Remotes(
            remote=_of_members(
                settings,
                RoutedRemote(git=git, open_api=forges.remote, clock=clock),
            ),
            anonymous=anonymous,
            hooks=RoutedForgeHooks(
                open_api=forges.hooks,
                kinds={
                    host: Forge(kind) for host, kind in settings.forge.kinds.items()
                },
            ),
            notices=RoutedCommitStatuses(open_api=forges.notices),
        )


def _of_members(settings: Settings, remote: FullRemote) -> FullRemote:
    hosts = settings.remote.members_only
    return MembersOnly(remote, hosts=hosts) if hosts else remote
