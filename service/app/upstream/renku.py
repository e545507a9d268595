"""Builder and discovery of an upstream Renku, by the settings."""

import structlog

from consumers.loops.supervisor import Loop
from consumers.upstream.discovery import LauncherDiscovery
from service.adapters.renku.builder import RenkuBuilder
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.directory import RenkuDirectory
from service.adapters.renku.logs import UpstreamLogs
from service.app.engines import Engines
from service.errors import InvalidRequestError, PermanentError, TransientError
from service.ports.builder import BuilderIdentity
from service.ports.store import PageRequest
from service.settings import Settings
from service.usecases.environments.changer import EnvironmentChanger
from service.usecases.environments.code import CodeEnvironments
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.repository_access import RepositoryAccess
from service.usecases.upstream.mirror import LauncherMirror
from service.usecases.upstream.parameters import ParameterHistory
from service.usecases.upstream.projects import ProjectMirror

__all__ = ["check_upstream", "renku_builder", "upstream_loops"]

log = structlog.get_logger(__name__)


def renku_builder(
    settings: Settings, engines: Engines, *, logs: UpstreamLogs
) -> RenkuBuilder:
    """Make the builder that has Renku build."""
    assert engines.upstream is not None
    return RenkuBuilder(
        client=engines.upstream,
        store=engines.store,
        clock=engines.clock,
        logs=logs,
        poll=settings.renku.poll_interval,
    )


async def check_upstream(settings: Settings, engines: Engines) -> None:
    """Check URL, credential and projects at a start, where launchers are in Renku.

    An outage keeps nobody from starting who has found launchers there before.

    Raises:
        InvalidRequestError: One of them is wrong; the message names its setting.
    """
    if engines.upstream is None:
        return
    directory = _directory(settings, engines.upstream)
    try:
        await directory.check()
    except PermanentError as exc:
        raise InvalidRequestError(f"settings: {exc}") from exc
    except TransientError as exc:
        # A wrong host and an outage look the same. Whoever found launchers there once
        # has the right host; for anybody else it is more likely a mistake.
        message = f"settings: RELAUNCH_LAUNCHERS: {exc}"
        if not await _has_launchers(engines):
            raise InvalidRequestError(message) from exc
        log.warning("Renku does not answer yet", error=message)


async def _has_launchers(engines: Engines) -> bool:
    async with engines.store.reading() as tx:
        return bool(len(await tx.launchers.list(PageRequest(limit=1))))


def upstream_loops(
    settings: Settings,
    engines: Engines,
    *,
    builder: BuilderIdentity,
    recorder: EventRecorder,
) -> list[Loop]:
    """Return the leader's loop that finds launchers in Renku; none without one."""
    if engines.upstream is None:
        return []
    directory = _directory(settings, engines.upstream)
    parameters = ParameterHistory(
        store=engines.store, directory=directory, clock=engines.clock
    )
    discovery = LauncherDiscovery(
        directory=directory,
        projects=ProjectMirror(store=engines.store, clock=engines.clock),
        mirror=_mirror(
            settings, engines, parameters, builder=builder, recorder=recorder
        ),
        clock=engines.clock,
        interval=settings.renku.interval,
    )
    return [discovery.run]


def _directory(settings: Settings, client: RenkuClient) -> RenkuDirectory:
    return RenkuDirectory(client=client, projects=settings.renku.projects)


def _mirror(
    settings: Settings,
    engines: Engines,
    parameters: ParameterHistory,
    *,
    builder: BuilderIdentity,
    recorder: EventRecorder,
) -> LauncherMirror:
    rebuilds = RebuildRequester(
        store=engines.store,
        builder=builder,
        clock=engines.clock,
        ids=engines.ids,
        events=recorder,
    )
    code = CodeEnvironments(
        builder=builder,
        clock=engines.clock,
        ids=engines.ids,
        # Whoever may edit a project in Renku has no business with files of this
        # machine, and Renku builds from http(s) alone.
        allow_files=False,
        access=RepositoryAccess(clock=engines.clock, rules=settings.auth.rules),
    )
    return LauncherMirror(
        store=engines.store,
        parameters=parameters,
        code=code,
        changer=EnvironmentChanger(code=code, ids=engines.ids, rebuilds=rebuilds),
        rebuilds=rebuilds,
        events=recorder,
    )
