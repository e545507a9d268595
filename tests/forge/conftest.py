"""A running forge, somebody who asks it, and a receiver of its deliveries."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from multidict import CIMultiDictProxy
from yarl import URL

from tests.forge.receiving import Receiver, a_receiver
from tests.support.clock import TurnedClock
from tests.support.forge import Forge, HostedRepo, Vendor, a_forge


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    status: int
    headers: CIMultiDictProxy[str]
    json: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a test of the forge holds in its hands."""

    forge: Forge
    repo: HostedRepo
    receiver: Receiver
    clock: TurnedClock
    session: ClientSession

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        token: str | None = None,
        body: object = None,
        **headers: str,
    ) -> Said:
        """Ask the API below its root, as the owner unless told otherwise."""
        token = self.forge.token if token is None else token
        own = {"Authorization": f"Bearer {token}"} if token else {}
        own |= {name.replace("_", "-"): text for name, text in headers.items()}
        async with self.session.request(
            method,
            URL(self.forge.api + path, encoded=True),
            headers=own,
            json=body,
            allow_redirects=False,
        ) as answer:
            raw = await answer.read()
            is_json = answer.content_type == "application/json" and raw
            said = json.loads(raw) if is_json else raw.decode()
            return Said(status=answer.status, headers=answer.headers, json=said)

    def told(self) -> list[Any]:
        """Return the bodies that were received."""
        return [request.json for request in self.receiver.received]


@pytest.fixture
def vendor() -> Vendor:
    """Overridden where another forge is meant."""
    return "github"


@pytest.fixture
async def stage(tmp_path: Path, vendor: Vendor) -> AsyncIterator[Stage]:
    clock = TurnedClock()
    async with (
        a_receiver() as receiver,
        a_forge(tmp_path, vendor=vendor, clock=clock) as forge,
        ClientSession() as session,
    ):
        repo = forge.create("uni/course", files={"requirements.txt": "numpy\n"})
        forge.hooks.add(receiver.url, repository=repo.number, secret="a secret")
        yield Stage(
            forge=forge, repo=repo, receiver=receiver, clock=clock, session=session
        )
