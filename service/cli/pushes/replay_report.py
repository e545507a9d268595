"""What `relaunch replay` does, and its report."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import click

from service.adapters.clock import SystemClock
from service.adapters.git.counting import Counted
from service.adapters.git.history import History, open_history
from service.adapters.git.remote import GitRemote
from service.adapters.sandbox.client import ForkingSandbox
from service.app.tools import tools_of
from service.cli.output.printing import echo, length, show_json
from service.cli.output.tables import echo_styled, show_table
from service.domain.building.tools import Tools
from service.domain.evaluation.replay import ReplayAction, ReplayedPush, Report
from service.settings import load, passed_to_builds
from service.usecases.replay import replay

__all__ = ["ReplayOptions", "run_replay"]

ROWS: Final = (
    ("rebuilt", (ReplayAction.BUILT, ReplayAction.REUSED)),
    ("same meaning", (ReplayAction.SAME_MEANING,)),
    ("not rebuilt", (ReplayAction.LEFT,)),
    ("no definition", (ReplayAction.NO_DEFINITION,)),
    ("unreadable", (ReplayAction.UNREAD,)),
)
"""Of the table; the last two only where there are any."""
MOST_SHOWN: Final = 20
"""Pushes that were judged wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What is to be replayed."""

    where: str
    start: str | None
    end: str | None
    every: int
    is_all: bool
    context_dir: str


async def run_replay(options: ReplayOptions, *, is_json: bool) -> int:
    """Replay a history, print the report and return the exit code."""
    settings = load()
    environment = passed_to_builds(settings)
    remote = Counted(GitRemote(environment=environment, allow_files=True))
    async with open_history(options.where, environment=environment) as history:
        report, took = await _replayed(options, history, remote, tools_of(settings))
    if is_json:
        show_json(_to_json(report, took))
    else:
        _show(report, took)
    return 1 if report.missed or report.needless else 0


async def _replayed(
    options: ReplayOptions, history: History, remote: Counted, tools: Tools
) -> tuple[Report, timedelta]:
    clock = SystemClock()
    commits = await history.commits(
        start=options.start, end=options.end, is_all=options.is_all, every=options.every
    )
    began = clock.now()
    pushes: list[ReplayedPush] = []
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
            context_dir=options.context_dir,
            clock=clock,
        ):
            pushes.append(push)
            bar.update(1)
    return Report(pushes=tuple(pushes)), clock.now() - began


def _show(report: Report, took: timedelta) -> None:
    pushes = len(report.pushes)
    each = length(took / pushes)
    echo(f"{pushes} pushes were replayed in {length(took)}, {each} each.")
    echo()
    show_table(
        ("", "DEFINITION CHANGED", "NOT CHANGED"),
        [
            (
                title,
                *(
                    str(report.count(*acts, is_changed=value))
                    for value in (True, False)
                ),
            )
            for place, (title, acts) in enumerate(ROWS)
            if place < len(ROWS) - 2 or report.count(*acts)
        ],
    )
    echo()
    echo(f"Precision: {_share(report.precision)}, {report.needless} needless rebuilds.")
    echo(f"Recall: {_share(report.recall)}, {report.missed} missed changes.")
    echo(
        f"Builds: {report.count(ReplayAction.BUILT)} made, {report.avoided} avoided;"
        f" {report.count(ReplayAction.REUSED)} images used again,"
        f" {report.count(ReplayAction.SAME_MEANING)} kept for what files mean."
    )
    if report.whole:
        echo(
            f"Of the rebuilds {report.whole} are for definitions that cannot be"
            " followed: the whole commit counts."
        )
    echo(f"Requests: {report.requests}, {report.requests / pushes:.1f} a push.")
    for push in _wrong(report)[:MOST_SHOWN]:
        word = "missed" if push.is_missed else "needless"
        echo_styled((word, "red"), f" {push.commit} {push.act.value} ({push.reason})")


def _share(value: float | None) -> str:
    """Write a share; one that is not all is never rounded to it."""
    if value is None:
        return "none to tell by"
    return f"{int(value * 1000) / 10:g} %"


def _wrong(report: Report) -> list[ReplayedPush]:
    return [push for push in report.pushes if push.is_missed or push.is_needless]


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
        "builds": report.count(ReplayAction.BUILT),
        "builds_avoided": report.avoided,
        "images_reused": report.count(ReplayAction.REUSED),
        "same_meaning": report.count(ReplayAction.SAME_MEANING),
        "requests": report.requests,
        "requests_per_push": report.requests / len(report.pushes),
        "seconds": took.total_seconds(),
        "reasons": report.reasons,
        "wrong": [_push_to_json(push) for push in _wrong(report)],
    }


def _push_to_json(push: ReplayedPush) -> dict[str, object]:
    return {
        "commit": push.commit,
        "act": push.act.value,
        "reason": push.reason,
        "changed": push.is_changed,
    }
