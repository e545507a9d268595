"""The demo: every act played, shown, and held against what had to follow."""

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.cli.client import models
from service.cli.client.api import Client
from service.cli.demo.observer import ObservedPush, PushObserver, observe_push
from service.cli.demo.sandbox import DemoSandbox, open_sandbox
from service.cli.demo.scenario import (
    ADDED,
    BROKEN,
    COSMETIC,
    FILE,
    FIRST,
    MISSING,
    README,
    REQUIREMENTS,
    REVERT,
    DemoStep,
)
from service.cli.output.printing import echo, length, reference
from service.cli.output.sentences import print_sentences
from service.cli.output.tables import echo_styled, show_table
from service.errors import PermanentError

__all__ = ["run_demo"]

TERMINATED: Final = 128 + signal.SIGTERM
LAUNCHER: Final = "course"
MORE: Final = "`relaunch demo --page` shows all this on the service's page, too."


@dataclass(frozen=True, slots=True, kw_only=True)
class ActResult:
    """An act and what came of it."""

    act: DemoStep
    seen: ObservedPush
    problems: Sequence[str]


async def run_demo(*, forge: str, frontend: str, page: bool, keep: bool) -> int:
    """Play every act, print what happens, and return the exit code."""
    ended = _cancelled_by(signal.SIGTERM)
    try:
        async with open_sandbox(keep=keep) as (stage, client):
            echo(f"A service runs at {stage.url}; everything is in {stage.folder}")
            code = await _play(stage, client, forge=forge, frontend=frontend)
            if page:
                await _show_page(client)
            else:
                echo(MORE)
            return code
    except asyncio.CancelledError:
        if not ended.is_set():
            raise
        return TERMINATED


async def _show_page(client: Client) -> None:
    """Name the link to the page, and keep the service until the person is done."""
    done = asyncio.Event()
    # The person's way out, and no failure: the exit code stays the demo's.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, done.set)
    link = await client.post(models.SignInLink, "sign_in_links")
    echo("All this is on the page, until Ctrl-C; the link signs in once:")
    echo(f"{client.url}{link.path}")
    await done.wait()


def _cancelled_by(number: signal.Signals) -> asyncio.Event:
    """Cancel this task on a signal, so that no service is left behind."""
    present = asyncio.current_task()
    assert present is not None
    ended = asyncio.Event()

    def end() -> None:
        ended.set()
        present.cancel()

    asyncio.get_running_loop().add_signal_handler(number, end)
    return ended


async def _play(
    stage: DemoSandbox, client: Client, *, forge: str, frontend: str
) -> int:
    async with observe_push(client, LAUNCHER) as eyes:
        played = [await _first(stage, client, eyes, forge=forge, frontend=frontend)]
        if not played[0].seen.image:
            raise _no_first_image(played[0].seen.build)
        added = await _push(stage, client, eyes, ADDED)
        inside = await _import(stage, "six")
        played.append(replace(added, problems=[*added.problems, *inside]))
        played.append(await _push(stage, client, eyes, README))
        played.append(await _push(stage, client, eyes, COSMETIC))
        back = await _push(stage, client, eyes, REVERT, reverts=added.seen.commit)
        played.append(_same_image(back, played[0]))
        broken = await _push(stage, client, eyes, BROKEN)
        played.append(_names_the_line(stage, broken))
    return _summary(played)


async def _first(
    stage: DemoSandbox, client: Client, eyes: PushObserver, *, forge: str, frontend: str
) -> ActResult:
    _title(FIRST)
    await stage.make_repository()
    (stage.clone / FILE).write_text(REQUIREMENTS)
    (stage.clone / "README.md").write_text("# The course\n")
    commit = await _commit(stage, "Begin")
    await stage.git("push", "--quiet", "origin", "main")
    echo("  pushed the repository; adding a launcher and a hook")
    repository = stage.bare.as_uri()
    hook = await client.post(
        models.NewHook, "hooks", body={"repository": repository, "forge": forge}
    )
    stage.install_hook(hook.url, hook.secret or "")
    # Before the launcher is added: its first evaluation starts with that request.
    eyes.begin()
    await client.post(
        models.LauncherDetails,
        "session_launchers",
        body={
            "name": LAUNCHER,
            "environment": {"repository": repository, "frontend_variant": frontend},
        },
    )
    return await _tell(client, FIRST, await eyes.see(commit), "")


async def _push(
    stage: DemoSandbox,
    client: Client,
    eyes: PushObserver,
    act: DemoStep,
    *,
    reverts: str = "",
) -> ActResult:
    _title(act)
    if act.change:
        act.change(stage)
        commit = await _commit(stage, act.name.capitalize())
    else:
        await stage.git("revert", "--no-edit", reverts)
        commit = await stage.git("rev-parse", "HEAD")
    await _show_change(stage)
    before = await eyes.image()
    eyes.begin()
    output = await stage.git("push", "origin", "main")
    for line in output.splitlines():
        if line.startswith("remote: refs/"):
            echo(f"  {line.strip()}")
    return await _tell(client, act, await eyes.see(commit), before)


async def _show_change(stage: DemoSandbox) -> None:
    output = await stage.git("show", "--unified=0", "--format=", "HEAD")
    for line in output.splitlines():
        if line[:1] in "+-" and line[:3] not in {"+++", "---"}:
            echo_styled("  ", (line, "green" if line[0] == "+" else "red"))


async def _commit(stage: DemoSandbox, message: str) -> str:
    await stage.git("add", "--all")
    await stage.git("commit", "--quiet", "--message", message)
    return await stage.git("rev-parse", "HEAD")


async def _tell(
    client: Client, act: DemoStep, seen: ObservedPush, before: str
) -> ActResult:
    explained = await client.get(models.Explanation, "explanations", of=seen.commit)
    print_sentences(explained.lines, indent="  ")
    problems = _problems(act, seen, before)
    word = "NOT as expected" if problems else "as expected"
    echo_styled("  ", (word, _style(problems)), f", after {length(seen.time)}")
    for problem in problems:
        echo(f"    {problem}")
    return ActResult(act=act, seen=seen, problems=problems)


def _problems(act: DemoStep, seen: ObservedPush, before: str) -> list[str]:
    moved = seen.image != before
    compared = (
        ("verdict", act.verdict, seen.verdict),
        ("build", act.build, seen.ended),
        (
            "launcher",
            *(("moved" if value else "stays") for value in (act.moves, moved)),
        ),
    )
    return [
        f"{what}: expected {expected!r}, found {found!r}"
        for what, expected, found in compared
        if expected != found
    ]


async def _import(stage: DemoSandbox, module: str) -> list[str]:
    """Import a package inside the launcher's environment."""
    code = f"import {module}; print({module}.__name__, {module}.__version__)"
    words = ("launcher", "run", LAUNCHER, "--", "python", "-c", code)
    try:
        output = await stage.relaunch(*words)
    except PermanentError as exc:
        return [str(exc)]
    echo(f"  inside the launcher's environment: import {module} gives {output}")
    return []


def _same_image(played: ActResult, first: ActResult) -> ActResult:
    if played.seen.image == first.seen.image:
        return played
    problem = "the image is not the one that this definition had before"
    return replace(played, problems=[*played.problems, problem])


def _names_the_line(stage: DemoSandbox, played: ActResult) -> ActResult:
    """Ask of a failure that it names the file and the line that are to blame."""
    lines = (stage.clone / FILE).read_text().splitlines()
    line = next(n for n, text in enumerate(lines, start=1) if MISSING in text)
    failure = played.seen.build.failure if played.seen.build else None
    found = f"{failure.path}:{failure.line}" if failure else "nothing"
    if found == f"{FILE}:{line}":
        return played
    problem = f"the failure names {found}; expected {FILE}:{line}"
    return replace(played, problems=[*played.problems, problem])


def _no_first_image(build: "models.BuildDetails | None") -> PermanentError:
    failure = build.failure if build else None
    hint = (
        "the package index does not answer; the demo installs real packages"
        if failure and failure.kind == "network"
        else "the first build did not succeed"
    )
    state = build.state if build else "none"
    return PermanentError(f"{hint}: {failure.message if failure else state}")


def _title(act: DemoStep) -> None:
    echo()
    echo_styled((f"▶ {act.name}", "bold"))


def _style(problems: Sequence[str]) -> str:
    return "bold red" if problems else "green"


def _summary(played: Sequence[ActResult]) -> int:
    echo()
    show_table(
        ("PUSH", "VERDICT", "BUILD", "LAUNCHER'S IMAGE", "TIME", ""),
        [
            (
                result.act.name,
                result.seen.verdict,
                result.seen.ended,
                reference(result.seen.image),
                length(result.seen.time),
                "NOT as expected" if result.problems else "as expected",
            )
            for result in played
        ],
    )
    for result in played:
        for problem in result.problems:
            echo(f"{result.act.name}: {problem}")
    return int(any(result.problems for result in played))
