"""Commands that pages name in their sentences work as well as those in blocks.

Each is run beside a service with a launcher, hooks, builds and a forge. What lacks an
argument is the name of a command and no command; what is not run here has its reason.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import pytest

from service.cli.commands import relaunch
from tests.docs.reading import PAGES
from tests.docs.test_hooks_page import Ground, ground
from tests.docs.test_operating_page import dead, spoil

OTHERS: Final = {"CHANGELOG.md", "docs/renamed.md"}
"""History: what commands were called."""
NOT_RUN: Final = {
    "relaunch consume": "a role, which tests/docs/test_operating_page.py starts",
    "relaunch dev": "a role, which the service of this test runs",
    "relaunch events": "goes on until it is ended: tests/cli/nouns/test_events.py",
    "relaunch hook forward CHANNEL_URL": "tests/docs/test_hooks_page.py runs it",
    "relaunch migrate": "tests/docs/test_upgrade_page.py runs it",
    "relaunch migrate --check": "tests/docs/test_upgrade_page.py runs it",
    "relaunch open": "opens a browser",
    "relaunch receive": "a role, which tests/docs/test_operating_page.py starts",
    "relaunch rotate-key": "tests/docs/test_secrets_page.py runs it",
    "relaunch settings": "tests/cli/test_wrong_settings.py runs it",
    "relaunch status": "ends with 1 in shadow mode: tests/docs/test_operating_page.py",
    "relaunch sweep": "tests/docs/test_disasters_page.py runs it, beside no service",
}


def commands() -> list[str]:
    """List what pages name, but for what only names a command."""
    found = {
        line
        for page in PAGES
        if page.name not in OTHERS
        for line in re.findall(r"`(relaunch [^`\n]*)`", page.text)
    }
    return sorted(line for line in found if is_whole(line))


def is_whole(line: str) -> bool:
    """Say whether a line has as many arguments as its command needs."""
    words = re.sub(r"[\[\]]", "", line).split()[1:]
    command: click.Command = relaunch
    while isinstance(command, click.Group) and words and words[0][0] != "-":
        _, found, words = command.resolve_command(click.Context(relaunch), words)
        assert found is not None
        command = found
    if isinstance(command, click.Group):
        return "--help" in words
    needed = [
        item
        for item in command.params
        if isinstance(item, click.Argument) and item.required
    ]
    if any(isinstance(item, click.Option) and item.required for item in command.params):
        return "--" in line
    return len([word for word in words if not word.startswith("-")]) >= len(needed)


@dataclass(kw_only=True)
class Names:
    """What stands for the words in capitals; each is made when it is needed."""

    there: Ground
    hooks: int = 0

    async def fill(self, line: str) -> str:
        makers: Mapping[str, Callable[[], Awaitable[str]]] = {
            "BUILD": self.queued_build,
            "COMMIT": self.commit,
            "HOOK": self.rotated_hook if " retire " in line else self.hook,
            "ID": self.letter,
            "LAUNCHER": self.launcher,
            "NAME": self.token if " token " in line else self.launcher,
            "NAME-OF-THE-OLD": self.token,
            "PROJECT": self.project,
            "URL": self.url,
            "first": self.launcher,
        }
        # What may be left out is written in brackets, and is given here.
        words = re.sub(r"[\[\]]", "", line).split()
        return " ".join([await makers[w]() if w in makers else w for w in words])

    async def ask(self, command: str) -> Any:
        return json.loads(await self.there.operator.run(f"relaunch {command} -o json"))

    async def queued_build(self) -> str:
        """Return a build that does not end by itself: in shadow mode none begins."""
        await self.there.operator.run("relaunch rebuild course --queue")
        return str((await self.ask("builds course"))[0]["id"])

    async def commit(self) -> str:
        return self.there.repo.tip()

    async def hook(self) -> str:
        self.hooks += 1
        name = f"uni/course-{self.hooks}"
        repo = self.there.forge.create(name, files={"README.md": "nothing\n"})
        added = await self.ask(f"hook add {repo.url}")
        await self.there.forge.settled()
        return str(added["id"])

    async def rotated_hook(self) -> str:
        hook = await self.hook()
        await self.there.operator.run(f"relaunch hook rotate {hook}")
        return hook

    async def letter(self) -> str:
        spoil(self.there.service)
        return await dead(self.there.operator)

    async def launcher(self) -> str:
        return "course"

    async def token(self) -> str:
        return "a-name"

    async def project(self) -> str:
        found = await asyncio.to_thread(self.there.service.api, "GET", "/projects")
        return str(found[0]["id"])

    async def url(self) -> str:
        return self.there.repo.url


async def run_all(there: Ground) -> dict[str, str]:
    """Run what is to be run; return what failed, with what it said."""
    names, failed = Names(there=there), {}
    for line in commands():
        if line in NOT_RUN:
            continue
        filled = await names.fill(line)
        try:
            await there.operator.run(filled, typed="y\n")
        except AssertionError as exc:
            failed[line] = str(exc)
    return failed


@pytest.mark.timeout(400, func_only=True)
async def test_what_a_sentence_names_works(tmp_path: Path) -> None:
    async with ground(tmp_path, "github", RELAUNCH_SHADOW="true") as there:
        await there.repo.push({"requirements.txt": "six\n"})

        assert await run_all(there) == {}


def test_what_is_not_run_is_named_and_has_no_test_here() -> None:
    assert set(NOT_RUN) <= set(commands())
    assert len(commands()) > len(NOT_RUN) + 20


def test_every_request_that_a_page_names_is_a_route() -> None:
    rights = next(page for page in PAGES if page.name == "docs/rights.md")
    routes = {
        re.sub(r"\{.*?\}", "ID", route)
        for route in re.findall(
            r"^\| `([A-Z]+ /\S+)`", rights.path.read_text(), re.MULTILINE
        )
    }
    named = {
        re.sub(r"\{.*?\}", "ID", request)
        for page in PAGES
        if page.name not in OTHERS
        for request in re.findall(r"`([A-Z]+ /(?:api|webhooks)/[^` ?]*)`", page.text)
    }

    assert len(named) > 2
    assert named - routes == set()
