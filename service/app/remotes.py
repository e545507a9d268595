"""Forges as everybody asks them: APIs where we have accounts, and plain git."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from service.adapters.anonymous import AnonymousRemote
from service.adapters.egress import EgressPolicy
from service.adapters.forge_api.commit_status_routing import RoutedCommitStatuses
from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.adapters.forge_api.rate_limit import NO_OBSERVER, ForgeObserver
from service.adapters.git.remote import GitRemote
from service.adapters.members_only import MembersOnly
from service.adapters.scratch import scratch_folder
from service.ports.commit_statuses import CommitStatuses
from service.ports.forge_hooks import ForgeHooks
from service.ports.remote import SweptRemote
from service.ports.time import Clock
from service.settings import Settings, passed_to_builds

__all__ = ["Remotes", "open_remotes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """What forges are asked through."""

    remote: SweptRemote
    """With the installation's credentials, where it has some."""
    anonymous: SweptRemote
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
        git = GitRemote(
            environment=passed_to_builds(settings),
            allow_files=settings.allow_files,
            scratch=scratch,
            deadline=settings.remote.deadline,
            gate=EgressPolicy(settings.private_hosts),
        )
        anonymous = _of_anybody(settings, scratch)
        async with _beside_forges(
            settings, git, anonymous, clock=clock, observer=observer
        ) as remotes:
            yield remotes


@asynccontextmanager
async def _beside_forges(
    settings: Settings,
    git: GitRemote,
    anonymous: SweptRemote,
    *,
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

    async with open_forges(settings, clock=clock, observer=observer) as forges:
        yield Remotes(
            remote=_of_members(
                settings,
                RoutedRemote(git=git, open_api=forges.remote, clock=clock),
            ),
            anonymous=anonymous,
            hooks=RoutedForgeHooks(open_api=forges.hooks),
            notices=RoutedCommitStatuses(open_api=forges.notices),
        )


def _of_members(settings: Settings, remote: SweptRemote) -> SweptRemote:
    hosts = settings.remote.members_only
    return MembersOnly(remote, hosts=hosts) if hosts else remote


def _of_anybody(settings: Settings, scratch: Path) -> SweptRemote:
    closed = settings.remote.members_only
    # A git of its own: a host that is open to everybody may redirect to one that is
    # not.
    git = GitRemote(
        environment=passed_to_builds(settings),
        scratch=scratch,
        deadline=settings.remote.deadline,
        gate=EgressPolicy(settings.private_hosts, closed=closed),
    )
    return AnonymousRemote(git, closed=closed)
