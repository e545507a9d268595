"""Builds: what environments asked for, and what became of it."""

from collections import defaultdict, deque
from functools import partial
from http import HTTPStatus

from aiohttp import web

from handlers.answering import tell, tell_all
from handlers.build_facts import tell_builds
from handlers.keys import CLOCK, STORE
from handlers.log_stream import follow_log
from handlers.reading import read_body, read_query, ulid
from handlers.rebuild_requests import cancel, request_rebuild
from handlers.shapes.builds import BuildLogs, BuildPatch, LogsQuery, WaitingTold
from handlers.shapes.service import LimitQuery
from handlers.streams import last_event_id, streaming
from handlers.waiting_facts import outlook, view_of
from service.domain.build import BuildId, EnvironmentId, Rebuild, RebuildId
from service.ports.store import Transaction

__all__ = [
    "add_build",
    "change_build",
    "list_builds",
    "list_environment_builds",
    "show_build",
    "show_logs",
    "stream_logs",
]


async def list_builds(request: web.Request) -> web.Response:
    """List the builds of all environments, newest first."""
    limit = read_query(request, LimitQuery).limit
    async with request.app[STORE].reading() as tx:
        return tell_all(
            await tell_builds(
                tx, await tx.rebuilds.list(limit=limit), view_of(request.app)
            )
        )


async def list_environment_builds(request: web.Request) -> web.Response:
    """List the builds of an environment, newest first."""
    environment = _environment(request)
    limit = read_query(request, LimitQuery).limit
    async with request.app[STORE].reading() as tx:
        await tx.launchers.of_environment(environment)
        rebuilds = await tx.rebuilds.of_environment(environment, limit=limit)
        return tell_all(await tell_builds(tx, rebuilds, view_of(request.app)))


async def add_build(request: web.Request) -> web.Response:
    """Build an environment afresh, from the head of what its launcher follows.

    409 while a build of it runs, or while one that a person asked for waits.
    """
    environment = _environment(request)
    lock = f"environment:{environment}"
    async with request.app[STORE].transaction(lock) as tx:
        launcher = await tx.launchers.of_environment(environment)
        rebuild = await request_rebuild(request.app, tx, launcher)
        (build,) = await tell_builds(tx, [rebuild], view_of(request.app))
    return tell(build, status=HTTPStatus.CREATED)


async def show_build(request: web.Request) -> web.Response:
    """Show a build."""
    rebuild_id = _build(request)
    async with request.app[STORE].reading() as tx:
        rebuild = await tx.rebuilds.get(rebuild_id)
        (build,) = await tell_builds(tx, [rebuild], view_of(request.app))
    return tell(build)


async def change_build(request: web.Request) -> web.Response:
    """Cancel a build; one that was cancelled stays so."""
    await read_body(request, BuildPatch)
    rebuild = await cancel(request.app, _build(request))
    async with request.app[STORE].reading() as tx:
        (build,) = await tell_builds(tx, [rebuild], view_of(request.app))
    return tell(build)


async def show_logs(request: web.Request) -> web.Response:
    """Show the end of what a build said, by phase."""
    rebuild_id = _build(request)
    lines = read_query(request, LogsQuery).max_lines
    async with request.app[STORE].reading() as tx:
        rebuild = await tx.rebuilds.get(rebuild_id)
        said = await _tails(tx, rebuild.build_id, lines) if rebuild.build_id else {}
    return tell(BuildLogs(said))


async def _tails(tx: Transaction, build: BuildId, lines: int) -> dict[str, str]:
    tails: dict[str, deque[str]] = defaultdict(partial(deque, maxlen=lines))
    after = 0
    while page := await tx.logs.read(build, after=after):
        for line in page:
            tails[line.phase].append(line.text)
        after = page[-1].seq
    return {phase: "\n".join(texts) for phase, texts in tails.items()}


async def stream_logs(request: web.Request) -> web.StreamResponse:
    """Follow what a build says until it ends, as server-sent events.

    An event `line` has its place as id and `{"phase", "text"}` as data; `waiting`
    says why nothing happens, as the field of builds does; the event `end`
    has `{"status", "state"}`. `Last-Event-ID` takes a cut stream up again.
    """
    rebuild_id = _build(request)
    after = last_event_id(request)
    store = request.app[STORE]
    async with store.reading() as tx:
        await tx.rebuilds.get(rebuild_id)
    async with streaming(request) as stream:
        await follow_log(
            stream,
            rebuild_id,
            store=store,
            clock=request.app[CLOCK],
            after=after,
            why=partial(_why, request.app),
        )
    return stream.response


async def _why(
    app: web.Application, tx: Transaction, rebuild: Rebuild
) -> WaitingTold | None:
    seen = await outlook(tx, [rebuild], view_of(app))
    found = seen.waiting.get(rebuild.id)
    return WaitingTold.of(found) if found else None


def _environment(request: web.Request) -> EnvironmentId:
    return EnvironmentId(ulid(request, "environment_id", what="Session environment"))


def _build(request: web.Request) -> RebuildId:
    return RebuildId(ulid(request, "build_id", what="Build"))
