"""What `relaunch replay` does, and how it tells of it."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import click

from service.adapters.clock import SystemClock
from service.adapters.counting import Counted
from service.adapters.git import GitRemote
from service.adapters.history import History, open_history
from service.adapters.sandbox.client import ForkingSandbox
from service.app.tools import tools_of
from service.cli.output import length, say, show_json
from service.cli.tables import say_styled, show_table
from service.domain.replaying import Act, Played, Report
from service.domain.tools import Tools
from service.replaying import replay
from service.settings import load, passed_to_builds

__all__ = ["Wish", "play"]

ROWS: Final = (
    ("rebuilt", (Act.BUILT, Act.REUSED)),
    ("same meaning", (Act.SAME_MEANING,)),
    ("not rebuilt", (Act.LEFT,)),
    ("no definition", (Act.NO_DEFINITION,)),
    ("unreadable", (Act.UNREAD,)),
)
"""Of the table; the last two only where there are any."""
MOST_SHOWN: Final = 20
"""Pushes that were judged wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be replayed."""

    where: str
    start: str | None
    end: str | None
    every: int
    is_all: bool
    context_dir: str


async def play(wish: Wish, *, is_json: bool) -> int:
    """Replay a history, tell of it and return the exit code."""
    settings = load()
    environment = passed_to_builds(settings)
    remote = Counted(GitRemote(environment=environment, allow_files=True))
    async with open_history(wish.where, environment=environment) as history:
        report, took = await _replayed(wish, history, remote, tools_of(settings))
    if is_json:
        show_json(_to_json(report, took))
    else:
        _show(report, took)
    return 1 if report.missed or report.needless else 0


async def _replayed(
    wish: Wish, history: History, remote: Counted, tools: Tools
) -> tuple[Report, timedelta]:
    clock = SystemClock()
    commits = await history.commits(
        start=wish.start, end=wish.end, is_all=wish.is_all, every=wish.every
    )
    began = clock.now()
    pushes: list[Played] = []
    with (
        ForkingSandbox(tools=tools) as sandbox,
        click.progressbar(
            length=len(commits) - 1,
            label="Pushing",
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
        ) as bar,
    ):
        async for push in replay(
            commits,
            stage=history,
            remote=remote,
            sandbox=sandbox,
            asked=lambda: remote.requests,
            context_dir=wish.context_dir,
            clock=clock,
        ):
            pushes.append(push)
            bar.update(1)
    return Report(pushes=tuple(pushes)), clock.now() - began


def _show(report: Report, took: timedelta) -> None:
    pushes = len(report.pushes)
    each = length(took / pushes)
    say(f"{pushes} pushes were replayed in {length(took)}, {each} each.")
    say()
    show_table(
        ("", "DEFINITION CHANGED", "NOT CHANGED"),
        [
            (title, *(str(report.count(*acts, is_changed=it)) for it in (True, False)))
            for place, (title, acts) in enumerate(ROWS)
            if place < len(ROWS) - 2 or report.count(*acts)
        ],
    )
    say()
    say(f"Precision: {_share(report.precision)}, {report.needless} needless rebuilds.")
    say(f"Recall: {_share(report.recall)}, {report.missed} missed changes.")
    say(
        f"Builds: {report.count(Act.BUILT)} made, {report.avoided} avoided;"
        f" {report.count(Act.REUSED)} images used again,"
        f" {report.count(Act.SAME_MEANING)} kept for what files mean."
    )
    if report.whole:
        say(
            f"Of the rebuilds {report.whole} are for definitions that cannot be"
            " followed: the whole commit counts."
        )
    say(f"Requests: {report.requests}, {report.requests / pushes:.1f} a push.")
    for it in _wrong(report)[:MOST_SHOWN]:
        word = "missed" if it.is_missed else "needless"
        say_styled((word, "red"), f" {it.commit} {it.act.value} ({it.reason})")


def _share(value: float | None) -> str:
    """Write a share; one that is not all is never rounded to it."""
    if value is None:
        return "none to tell by"
    return f"{int(value * 1000) / 10:g} %"


def _wrong(report: Report) -> list[Played]:
    return [it for it in report.pushes if it.is_missed or it.is_needless]


def _to_json(report: Report, took: timedelta) -> dict[str, object]:
    return {
        "pushes": len(report.pushes),
        "changed": report.changed,
        "table": {
            title.replace(" ", "_"): {
                "changed": report.count(*acts, is_changed=True),
                "not_changed": report.count(*acts, is_changed=False),
            }
            for title, acts in ROWS
        },
        "precision": report.precision,
        "recall": report.recall,
        "missed": report.missed,
        "needless": report.needless,
        "whole": report.whole,
        "builds": report.count(Act.BUILT),
        "builds_avoided": report.avoided,
        "images_reused": report.count(Act.REUSED),
        "same_meaning": report.count(Act.SAME_MEANING),
        "requests": report.requests,
        "requests_per_push": report.requests / len(report.pushes),
        "seconds": took.total_seconds(),
        "reasons": report.reasons,
        "wrong": [_push_to_json(it) for it in _wrong(report)],
    }


def _push_to_json(it: Played) -> dict[str, object]:
    return {
        "commit": it.commit,
        "act": it.act.value,
        "reason": it.reason,
        "changed": it.is_changed,
    }
