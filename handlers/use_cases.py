"""Make the use cases that the application keeps, out of the ports they share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from handlers.usecases.preview import PushPreviewer
from service.domain.hook import HookId
from service.domain.rights.grants import GrantRules
from service.ports.builder import BuilderIdentity
from service.ports.forge_hooks import ForgeHooks
from service.ports.remote import ProbedRemote
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock, Ids
from service.usecases.environments.probe import RepositoryProber
from service.usecases.hook_maintenance import HookInspector, HookMaintainer
from service.usecases.hooks import HookEditor
from service.usecases.launchers import LauncherEditor
from service.usecases.platform.probe_limit import ProbeLimit
from service.usecases.platform.repository_lookup import RepositoryLookup
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.authorize import Authorizer
from service.usecases.rights.projects import ProjectEditor
from service.usecases.rights.repository_access import RepositoryAccess
from service.usecases.rights.settle import AccessSettler
from service.usecases.updates.pins import LauncherPinner

__all__ = [
    "Ports",
    "RepositoryReading",
    "make_hook_editor",
    "make_hook_maintainer",
    "make_launcher_editor",
    "make_lookup",
    "make_pinner",
    "make_previewer",
    "make_prober",
    "make_project_editor",
]


# One for each application, so that all of its use cases see one store and one clock.
@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What use cases share."""

    store: Store
    builder: BuilderIdentity
    clock: Clock
    ids: Ids
    events: EventRecorder


def make_pinner(ports: Ports, rebuilds: RebuildRequester) -> LauncherPinner:
    """Make what pins launchers."""
    return LauncherPinner(
        store=ports.store, clock=ports.clock, events=ports.events, rebuilds=rebuilds
    )


# One for each application, so that all that reads what a caller names has one limit.
@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryReading:
    """How repositories are read that callers name."""

    remote: ProbedRemote
    """With the installation's credentials."""
    anonymous_remote: ProbedRemote
    sandbox: Sandbox
    allow_files: bool
    limit: ProbeLimit = field(default_factory=ProbeLimit)


def make_lookup(
    ports: Ports,
    authorizer: Authorizer,
    reading: RepositoryReading,
    rules: GrantRules,
) -> RepositoryLookup:
    """Make what looks repositories up."""
    return RepositoryLookup(
        store=ports.store,
        remote=reading.remote,
        anonymous_remote=reading.anonymous_remote,
        authorizer=authorizer,
        access=RepositoryAccess(clock=ports.clock, rules=rules),
        allow_files=reading.allow_files,
        limit=reading.limit,
    )


def make_prober(ports: Ports, reading: RepositoryReading) -> RepositoryProber:
    """Make what reports on repositories that nobody follows yet."""
    return RepositoryProber(
        remote=reading.remote,
        anonymous_remote=reading.anonymous_remote,
        sandbox=reading.sandbox,
        builder=ports.builder,
        allow_files=reading.allow_files,
        limit=reading.limit,
    )


def make_previewer(
    ports: Ports, authorizer: Authorizer, reading: RepositoryReading
) -> PushPreviewer:
    """Make what previews pushes."""
    return PushPreviewer(
        store=ports.store,
        remote=reading.remote,
        anonymous_remote=reading.anonymous_remote,
        sandbox=reading.sandbox,
        builder=ports.builder,
        authorizer=authorizer,
        clock=ports.clock,
        limit=reading.limit,
    )


def make_hook_editor(
    ports: Ports,
    *,
    forge_hooks: ForgeHooks,
    public_url: str,
    revoke: Callable[[HookId], Awaitable[None]],
) -> HookEditor:
    """Make what changes webhooks."""
    return HookEditor(
        store=ports.store,
        forge_hooks=forge_hooks,
        clock=ports.clock,
        ids=ports.ids,
        public_url=public_url,
        # This process's receiver forgets a hook before its removal is answered.
        revoke=revoke,
    )


def make_hook_maintainer(
    ports: Ports, *, forge_hooks: ForgeHooks, public_url: str
) -> HookMaintainer:
    """Make what inspects and repairs webhooks."""
    return HookMaintainer(
        store=ports.store,
        inspector=HookInspector(
            forges=forge_hooks, clock=ports.clock, public_url=public_url
        ),
        recorder=ports.events,
    )


def make_launcher_editor(
    ports: Ports,
    rebuilds: RebuildRequester,
    lookup: RepositoryLookup,
    *,
    allow_files: bool,
    rules: GrantRules,
) -> LauncherEditor:
    """Make what adds, changes and removes launchers."""
    return LauncherEditor(
        store=ports.store,
        builder=ports.builder,
        clock=ports.clock,
        ids=ports.ids,
        events=ports.events,
        rebuilds=rebuilds,
        allow_files=allow_files,
        access=RepositoryAccess(clock=ports.clock, rules=rules),
        check_readable=lookup.check_readable,
    )


def make_project_editor(
    ports: Ports, launchers: LauncherEditor, *, rules: GrantRules
) -> ProjectEditor:
    """Make what changes projects, their members and repositories."""
    return ProjectEditor(
        store=ports.store,
        launchers=launchers,
        settler=AccessSettler(store=ports.store, launchers=launchers),
        rules=rules,
        clock=ports.clock,
        ids=ports.ids,
    )
