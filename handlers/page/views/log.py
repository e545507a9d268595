"""One build: why it was asked for, how it went, and everything that it printed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from handlers.app_keys import BUILD_DESCRIBER, CLOCK, STORE
from handlers.page.ansi import is_error, to_markup, to_plain
from handlers.page.context import show
from handlers.page.live import ALIVE, UPDATES, StreamRights
from handlers.page.rendering import RENDERER
from handlers.page.views.launcher import may_edit_launcher
from handlers.sse import Stream, last_event_id, streaming
from service.domain.building.build import BuildId, Rebuild, RebuildId
from service.domain.launcher import LauncherId
from service.ports.store import LogLine, Transaction

__all__ = ["download_log", "show_build", "stream_log"]

SHOWN: Final = 500
"""How many lines a page has at most; a link shows those before."""
_SHOWN_SIZE: Final = 40_000
"""Characters that they have together: the whole page stays below 100 kB, and nothing
else in the process waits while a log of 20,000 lines is made markup."""
_LINE_SIZE: Final = 80
"""What the markup of a line adds to its text."""
_STEP: Final = 1000
_LONGEST_NUMBER: Final = 9


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPhase:
    """One phase of a build, and how long it took."""

    name: str
    seconds: float | None


async def show_build(request: web.Request) -> web.Response:
    """Show a build with its log, or with its lines of a phase, or that hold a text."""
    wanted = request.query.get("q", "").strip()[:200]
    phase = request.query.get("phase", "").strip()[:200]
    async with request.app[STORE].reading() as tx:
        rebuild = await tx.rebuilds.get(rebuild_id_of(request))
        (details,) = await request.app[BUILD_DESCRIBER].describe_builds(tx, [rebuild])
        launcher = await tx.launchers.get(LauncherId(rebuild.launcher_id))
        lines = await _read_all(tx, rebuild.build_id)
    found = [line for line in lines if _is_wanted(line, phase, wanted)]
    before = _before(request)
    earlier = [line for line in found if not before or line.seq < before]
    shown = _newest(earlier)
    return show(
        request,
        "build.html",
        build=details,
        rebuild=rebuild,
        launcher=launcher,
        lines=[ShownLine.of(line) for line in shown],
        hidden=len(earlier) - len(shown),
        before=before,
        found=len(found),
        total=len(lines),
        wanted=wanted,
        phase=phase,
        phases=_phases(
            {each.name: each.seconds for each in details.phases or ()}, lines
        ),
        after=lines[-1].seq if lines else 0,
        may_edit=await may_edit_launcher(request, launcher.id),
    )


def _before(request: web.Request) -> int:
    """Return the line before which a person reads; 0 for the end of the log."""
    text = request.query.get("before", "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else 0


def _newest(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    """Return the last lines that one page shows: one at least."""
    size = 0
    for count, line in enumerate(reversed(lines)):
        size += len(line.text) + _LINE_SIZE
        if count and (count == SHOWN or size > _SHOWN_SIZE):
            return lines[len(lines) - count :]
    return lines


def _is_wanted(line: LogLine, phase: str, text: str) -> bool:
    is_of_phase = not phase or line.phase == phase
    if not is_of_phase or not text:  # nobody searches: no line is stripped of colours
        return is_of_phase
    return text.lower() in to_plain(line.text).lower()


def _phases(
    took: Mapping[str, float], lines: Iterable[LogLine]
) -> Sequence[ShownPhase]:
    """Return the phases in the order in which they began."""
    names = dict.fromkeys((*took, *(line.phase for line in lines)))
    return [ShownPhase(name=name, seconds=took.get(name)) for name in names]


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
            **request.app[RENDERER].headers,
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
        await stream.keep_alive(ALIVE)
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
