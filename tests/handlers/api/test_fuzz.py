"""Whatever is sent to any operation of the document, the answer is one that it names.

No status of 5xx, and none that the document does not have, whoever asks: an
administrator, a viewer, or somebody without a credential. `RELAUNCH_TEST_FUZZ` sets how
many requests each operation gets; a few in every run of the suite.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from handlers.api.openapi import document
from handlers.routes import ROUTES
from service.adapters.clock import SystemClock
from tests.support.api import Api, a_table_bus, serving
from tests.support.fuzzing import Operation, Sent, operations, requests_of
from tests.support.repos import Repo
from tests.support.rights import populate
from tests.support.world import a_world

REQUESTS = int(os.environ.get("RELAUNCH_TEST_FUZZ", "6"))  # noqa: TID251 - a test's
SPEC = json.loads(json.dumps(document(ROUTES, version="1.2.3")))
LATER = ("/projects/{project_id}", "/members/")
"""What ends the project that everything else is asked of; sent last."""


def drawn(operation: Operation) -> list[Sent]:
    """Return requests of an operation, the same ones in each run."""
    found: list[Sent] = []

    @seed(0)
    @settings(
        max_examples=REQUESTS,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests_of(operation, SPEC))
    def draw(sent: Sent) -> None:
        found.append(sent)

    draw()
    return found


async def status_of(
    api: Api, operation: Operation, sent: Sent, ids: Any, token: str | None
) -> int:
    shown = {"Authorization": f"Bearer {token}"} if token else {}
    known = dict.fromkeys(ids, "0" * 26) if sent.wrong_ids else ids
    body = None if sent.body is None else _encode(sent.body)
    async with api.session.request(
        operation.method,
        api.url + operation.path.format(**known),
        params={
            name: value.encode("utf-8", "replace").decode()
            for name, value in sent.query.items()
        },
        data=sent.raw if sent.raw is not None else body,
        headers=shown | dict(sent.headers),
    ) as response:
        await response.read()
        return response.status


def _encode(body: Any) -> bytes:
    return json.dumps(body).encode()


def _last(operation: Operation) -> bool:
    return operation.method == "DELETE" or any(part in operation.path for part in LATER)


@pytest.mark.parametrize("caller", ["admin", "viewer", "anonymous"])
async def test_every_operation_answers_as_the_document_states(
    caller: str, repo: Repo, tmp_path: Path
) -> None:
    undocumented: dict[str, set[int]] = {}
    async with (
        a_world(tmp_path) as world,
        a_table_bus(tmp_path) as bus,
        serving(world, bus, allows_anonymous=True, clock=SystemClock()) as api,
    ):
        made = await populate(world, repo.repository)
        for operation in sorted(operations(SPEC), key=_last):
            for sent in drawn(operation):
                token = made.tokens[caller]
                status = await status_of(api, operation, sent, made.ids, token)
                if status >= 500 or status not in operation.documented:
                    name = f"{operation.method} {operation.path}"
                    undocumented.setdefault(name, set()).add(status)

    assert undocumented == {}


def test_every_operation_gets_requests_that_differ() -> None:
    for operation in operations(SPEC):
        if operation.facts.get("requestBody"):
            assert len({json.dumps(sent.body) for sent in drawn(operation)}) > 1
