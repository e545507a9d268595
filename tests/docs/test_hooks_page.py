"""Who follows `docs/hooks.md` has hooks that deliver: its blocks are run.

Once as they stand, where no token makes hooks; once at the forge of the test suite.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docs.operators import Operator
from tests.docs.reading import Page
from tests.support.forge import Forge, HostedRepo, Vendor, a_forge
from tests.support.service import Service
from tests.support.smee import a_smee
from tests.support.stream import eventually

PAGE: Final = Page("docs/hooks.md")
EVALUATED: Final = 30.0


@dataclass(kw_only=True)
class Ground:
    """A service, a forge with a repository, and who types."""

    service: Service
    forge: Forge
    repo: HostedRepo
    operator: Operator

    async def hooks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            await self.operator.run("relaunch hook list -o json")
        )
        return found

    async def push(self, content: str) -> str:
        """Push; return the id of what the service made of it."""
        await self.repo.push({"README.md": content})
        await self.forge.settled()
        receipt = json.loads(self.forge.deliveries[-1].answer)
        assert receipt["status"] == "accepted", receipt
        return str(receipt["delivery"])


@asynccontextmanager
async def ground(
    folder: Path, vendor: Vendor, *, has_token: bool = True, **more: str
) -> AsyncIterator[Ground]:
    async with a_forge(folder / "forge", vendor=vendor) as forge:
        given = {
            "RELAUNCH_FORGE_KINDS": json.dumps({forge.host: vendor}),
            "RELAUNCH_EVALUATION_DEBOUNCE": "100ms",
            **more,
        }
        if has_token:
            given["RELAUNCH_FORGE_TOKENS"] = f"{forge.host}={forge.token}"
        repo = forge.create("my-org/course", files={"README.md": "no definition\n"})
        service = Service(folder / "data", **given)
        operator = Operator(
            folder=folder,
            names={
                "https://github.com/me/course": repo.url,
                "https://github.com/my-org": f"{forge.url}/my-org",
                "https://github.com ": f"{forge.url} ",
            },
            settings={"RELAUNCH_DATA": str(service.data)},
        )
        try:
            await asyncio.to_thread(service.start)
            await asyncio.to_thread(service.follow, repo.url, "course")
            yield Ground(service=service, forge=forge, repo=repo, operator=operator)
        finally:
            await asyncio.to_thread(service.kill)


async def test_without_a_token_it_is_said_what_to_paste(tmp_path: Path) -> None:
    async with ground(tmp_path, "github", has_token=False) as there:
        there.operator.names = {}

        said = await there.operator.run(PAGE.block("relaunch hook add"))

        assert len(re.findall(r"^secret: +\S+", said, re.MULTILINE)) == 3
        assert [hook["reach"] for hook in await there.hooks()] == [
            "repository",
            "owner",
            "host",
        ]


@pytest.mark.parametrize("vendor", ["github", "gitlab"])
async def test_with_a_token_hooks_are_made_and_rotated_and_speak(
    tmp_path: Path, vendor: Vendor
) -> None:
    async with ground(tmp_path, vendor) as there:
        said = await there.operator.run(PAGE.block("relaunch hook add"))
        # An app is set up by hand, and the forge of the tests has no hooks of owners.
        assert len(re.findall(r"^secret: +\S+", said, re.MULTILINE)) == 2
        hook, *_ = await there.hooks()
        there.operator.names = {"HOOK": hook["id"]}

        rotate, listed, retire = PAGE.block("relaunch hook rotate").splitlines()
        await there.push("before\n")
        await there.operator.run(rotate)
        await there.push("with both\n")
        await there.operator.run(listed)
        await there.operator.run(retire)
        await there.push("with the new one\n")

        assert (await there.hooks())[0]["secrets"] == 1


async def test_deliveries_are_listed_shown_explained_and_replayed(
    tmp_path: Path,
) -> None:
    async with ground(tmp_path, "github") as there:
        await there.operator.run(f"relaunch hook add {there.repo.url}")
        delivery = await there.push("changed\n")
        (hook,) = await there.hooks()
        there.operator.names = {"HOOK": hook["id"], "DELIVERY": delivery}

        said = await there.operator.run(PAGE.block("relaunch deliveries list"))

        assert delivery in said
        explained = f"relaunch explain {delivery} -o json"

        async def is_evaluated() -> bool:
            return bool(json.loads(await there.operator.run(explained))["evaluations"])

        await eventually(is_evaluated, "an evaluation", EVALUATED)


async def test_a_channel_brings_what_the_forge_cannot_deliver(tmp_path: Path) -> None:
    (command,) = re.findall(r"`(relaunch hook forward [^`]+)`", PAGE.text)
    async with ground(tmp_path, "github", has_token=False) as there, a_smee() as smee:
        added = json.loads(
            await there.operator.run(f"relaunch hook add {there.repo.url} -o json")
        )
        channel = f"{smee.url}/abc-1"
        there.operator.names = {"CHANNEL_URL": channel}
        made = there.forge.hooks.add(channel, repository=there.repo.number)
        made.secret = added["secret"]
        async with there.operator.running(command):
            await asyncio.wait_for(smee.connected.wait(), EVALUATED)
            await there.repo.push({"README.md": "through the channel\n"})

            async def is_there() -> bool:
                listed = await there.operator.run("relaunch deliveries list -o json")
                return any(row["status"] == "accepted" for row in json.loads(listed))

            await eventually(is_there, "the delivery", EVALUATED)
