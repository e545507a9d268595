"""One build: why it was asked for, how it went, and everything that it printed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from handlers.app_keys import BUILD_DESCRIBER, CLOCK, STORE
from handlers.page.ansi import is_error, to_markup, to_plain
from handlers.page.context import show
from handlers.page.live import UPDATES, StreamRights
from handlers.page.rendering import HEADERS
from handlers.page.views.launcher import may_edit_launcher
from handlers.sse import Stream, last_event_id, streaming
from service.domain.building.build import BuildId, Rebuild, RebuildId
from service.domain.launcher import LauncherId
from service.ports.store import LogLine, Transaction

__all__ = ["download_log", "show_build", "stream_log"]

SHOWN: Final = 500
"""How many lines a page begins with; a link shows the others."""
_STEP: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """One line as it is shown."""

    seq: int
    phase: str
    markup: str
    is_error: bool

    @classmethod
    def of(cls, line: LogLine) -> "ShownLine":
        """Show a line."""
        return cls(
            seq=line.seq,
            phase=line.phase,
            markup=to_markup(line.text),
            is_error=is_error(line.text),
        )


async def show_build(request: web.Request) -> web.Response:
    """Show a build with its log, or with those lines of it that hold a text."""
    wanted = request.query.get("q", "").strip()[:200]
    async with request.app[STORE].reading() as tx:
        rebuild = await tx.rebuilds.get(rebuild_id_of(request))
        (details,) = await request.app[BUILD_DESCRIBER].describe_builds(tx, [rebuild])
        launcher = await tx.launchers.get(LauncherId(rebuild.launcher_id))
        lines = await _read_all(tx, rebuild.build_id)
    found = [line for line in lines if wanted.lower() in to_plain(line.text).lower()]
    is_whole = "all" in request.query or wanted
    shown = found if is_whole else found[-SHOWN:]
    return show(
        request,
        "build.html",
        build=details,
        rebuild=rebuild,
        launcher=launcher,
        lines=[ShownLine.of(line) for line in shown],
        hidden=len(found) - len(shown),
        total=len(lines),
        wanted=wanted,
        after=lines[-1].seq if lines else 0,
        may_edit=await may_edit_launcher(request, launcher.id),
    )


async def download_log(request: web.Request) -> web.Response:
    """Send the log as a file, without colours."""
    async with request.app[STORE].reading() as tx:
        rebuild = await tx.rebuilds.get(rebuild_id_of(request))
        lines = await _read_all(tx, rebuild.build_id)
    text = "".join(f"{line.phase}: {to_plain(line.text)}\n" for line in lines)
    name = f"build-{rebuild.id}.log"
    return web.Response(
        body=text.encode("utf-8", "replace"),
        content_type="text/plain",
        charset="utf-8",
        headers={
            **HEADERS,
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


async def stream_log(request: web.Request) -> web.StreamResponse:
    """Send further lines as they come, and `end` after the last.

    A line's place is its id: a browser that lost the connection goes on behind it.
    """
    rebuild_id = rebuild_id_of(request)
    given = request.query.get("after", "0")
    after = last_event_id(request) or (int(given) if given.isdecimal() else 0)
    async with streaming(request) as stream:
        await _follow(request, stream, rebuild_id, after)
    return stream.response


async def _follow(
    request: web.Request, stream: Stream, rebuild_id: RebuildId, after: int
) -> None:
    rights = StreamRights(request)
    while stream.is_open and await rights.last(stream):
        # The state first: a build writes its last line before it ends.
        async with request.app[STORE].reading() as tx:
            rebuild = await tx.rebuilds.get(rebuild_id)
            lines = await _read(tx, rebuild, after)
        for line in lines:
            await stream.send("line", _as_json(line), id_=str(line.seq))
            after = line.seq
        if rebuild.state.is_final and not lines:
            await stream.send("end", rebuild.state.value)
            return
        await stream.keep_alive()
        if not lines:
            await request.app[CLOCK].sleep(request.app[UPDATES].log_pause)


def _as_json(line: LogLine) -> str:
    shown = ShownLine.of(line)
    return json.dumps(
        {
            "seq": shown.seq,
            "phase": shown.phase,
            "html": shown.markup,
            "error": shown.is_error,
        }
    )


async def _read(tx: Transaction, rebuild: Rebuild, after: int) -> Sequence[LogLine]:
    if rebuild.build_id is None:
        return ()
    return await tx.logs.read(rebuild.build_id, after=after, limit=_STEP)


async def _read_all(tx: Transaction, build: BuildId | None) -> Sequence[LogLine]:
    lines: list[LogLine] = []
    while build is not None:
        after = lines[-1].seq if lines else 0
        step = await tx.logs.read(build, after=after, limit=_STEP)
        lines += step
        if len(step) < _STEP:
            break
    return lines


def rebuild_id_of(request: web.Request) -> RebuildId:
    """Return the build that the path names."""
    return RebuildId(request.match_info["build_id"].upper())
