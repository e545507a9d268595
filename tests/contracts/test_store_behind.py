"""Who may be behind, as every store finds it."""

from datetime import timedelta
from typing import Any

import pytest

from service.domain.building.build import BuildState
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.launcher import UpdatePolicy
from service.domain.push import Trigger
from service.ports.store import Store
from tests.support.clock import NOW
from tests.support.values import a_launcher, a_plan, a_rebuild, a_source

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("launcher", "rebuild", "expected"),
    [
        pytest.param({}, None, True, id="no image yet"),
        pytest.param({"image_key": "w"}, None, False, id="has what it wants"),
        pytest.param({"image_key": "old"}, None, True, id="has an older one"),
        pytest.param({"wanted_key": None}, None, False, id="nothing to want"),
        pytest.param({"policy": UpdatePolicy.MANUAL}, None, False, id="manual"),
        pytest.param({"held_key": "w"}, None, False, id="failed for good"),
        pytest.param({"held_key": "older"}, None, True, id="held for another key"),
        pytest.param(
            {"held_key": "w", "held_until": NOW}, None, True, id="held before"
        ),
        pytest.param(
            {"held_key": "w", "held_until": NOW + HOUR}, None, False, id="held still"
        ),
        pytest.param({}, {"plan": None}, False, id="a look tells"),
        pytest.param({}, {"plan": a_plan(key="w")}, False, id="on its way"),
        pytest.param({}, {"plan": a_plan(key="x")}, True, id="on its way elsewhere"),
        pytest.param(
            {"image_key": "w"}, {"plan": a_plan(key="x")}, True, id="led away"
        ),
        pytest.param(
            {}, {"plan": a_plan(key="w"), "state": BuildState.FAILED}, True, id="ended"
        ),
        pytest.param(
            {"policy": UpdatePolicy.NOTIFY, "available_key": "w"}
            | {"available_image": "i", "available_generation": 1},
            None,
            False,
            id="is offered it",
        ),
        pytest.param(
            {"policy": UpdatePolicy.NOTIFY, "available_key": "w", "generation": 2}
            | {"available_image": "i", "available_generation": 1},
            None,
            True,
            id="an offer that is over",
        ),
    ],
)
async def test_who_may_be_behind_is_found(
    store: Store,
    launcher: dict[str, Any],
    rebuild: dict[str, Any] | None,
    expected: object,
) -> None:
    async with store.transaction() as tx:
        source = await tx.sources.find_or_add(a_source())
        known = a_launcher(source_id=source.id, **({"wanted_key": "w"} | launcher))
        await tx.launchers.add(known)
        if rebuild is not None:
            await tx.rebuilds.add(a_rebuild(source_id=source.id, **rebuild))

    async with store.reading() as tx:
        found = await tx.launchers.behind(now=NOW, limit=10)
        later = await tx.launchers.behind(now=NOW, limit=10, after=known.id)
        count = await tx.launchers.count_without_build()

    assert found == ([(known.id, source.id)] if expected else [])
    assert later == []
    is_held = known.held_until == NOW + HOUR
    is_unserved = bool(expected) and known.image_key != "w"
    assert count == int(is_unserved or is_held)


async def test_a_rebuild_that_nobody_looks_for_is_found(store: Store) -> None:
    async with store.transaction() as tx:
        source = await tx.sources.find_or_add(a_source())
        await tx.rebuilds.add(a_rebuild(source_id=source.id, plan=None))
    async with store.reading() as tx:
        early = await tx.rebuilds.stranded(before=NOW - HOUR)
        lost = await tx.rebuilds.stranded(before=NOW)
    async with store.transaction() as tx:
        look = EvaluationRequest(
            source_id=source.id, trigger=Trigger.SWEEP, requested_at=NOW
        )
        await tx.evaluation_queue.enqueue(look, debounce=Debounce())
    async with store.reading() as tx:
        found = await tx.rebuilds.stranded(before=NOW)

    assert (early, lost, found) == ([], [source.id], [])
