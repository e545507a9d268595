"""Forges as everybody asks them: APIs where we have accounts, and plain git."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.adapters.forge_api.notice_routing import RoutedNotices
from service.adapters.gate import Gate
from service.adapters.git import GitRemote
from service.adapters.scratch import scratch_folder
from service.ports.forge_hooks import ForgeHooks
from service.ports.notices import Notices
from service.ports.remote import SweptRemote
from service.ports.time import Clock
from service.settings import Settings, passed_to_builds

__all__ = ["Remotes", "open_remotes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """What forges are asked through."""

    remote: SweptRemote
    hooks: ForgeHooks
    notices: Notices


@asynccontextmanager
async def open_remotes(settings: Settings, *, clock: Clock) -> AsyncIterator[Remotes]:
    """Open what answers for repositories, looks after hooks and posts notices."""
    with scratch_folder(settings.data / "scratch") as scratch:
        git = GitRemote(
            environment=passed_to_builds(settings),
            allow_files=settings.allow_files,
            scratch=scratch,
            deadline=settings.remote.deadline,
            gate=Gate(settings.private_hosts),
        )
        async with _beside_forges(settings, git, clock=clock) as remotes:
            yield remotes


@asynccontextmanager
async def _beside_forges(
    settings: Settings, git: GitRemote, *, clock: Clock
) -> AsyncIterator[Remotes]:
    if not settings.forge.hosts:
        yield Remotes(
            remote=git,
            hooks=RoutedForgeHooks(open_api=lambda _: None),
            notices=RoutedNotices(open_api=lambda _: None),
        )
        return
    # Only who has an account at a forge pays for the clients of its API.
    from service.adapters.forge_api.routing import RoutedRemote  # noqa: PLC0415
    from service.app.forges import open_forges  # noqa: PLC0415

    async with open_forges(settings, clock=clock) as forges:
        yield Remotes(
            remote=RoutedRemote(git=git, open_api=forges.remote, clock=clock),
            hooks=RoutedForgeHooks(open_api=forges.hooks),
            notices=RoutedNotices(open_api=forges.notices),
        )
