"""Streams, simulations and caches show nothing of others' projects."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from service.domain.hook import Secret
from service.domain.rights.token import digest_token
from service.events.envelope import Event
from service.events.models import (
    BuildStarted,
    EvaluationRequested,
    LauncherUpdated,
    PushReceived,
    RepositoryData,
)
from tests.handlers.rights.conftest import Installation
from tests.support.api import TOKEN, Told, read_events
from tests.support.clock import NOW
from tests.support.forge.repositories import HostedRepo

NOBODYS = "0" * 26


@asynccontextmanager
async def listening(
    place: Installation, token: str
) -> AsyncIterator[AsyncIterator[Told]]:
    headers = {"Authorization": f"Bearer {token}"}
    path = f"{place.api.url}/api/relaunch/events/stream"
    async with place.api.session.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        told = read_events(response.content)
        await anext(told)  # the place where it begins
        yield told


def moved(launcher: str, project: str, *, number: int) -> Event:
    data = LauncherUpdated(
        launcher_id=launcher,
        environment_id="E",
        project_id=project,
        action="moved",
        image=f"image-{number}",
        generation=1,
    )
    return Event.of(data, id=f"event-{number}", time=NOW)


async def test_a_listener_gets_what_happens_in_their_projects_and_nothing_else(
    place: Installation,
) -> None:
    hers = await place.follow(place.open_.url)
    theirs = await place.follow(place.secret.url, token=TOKEN, project=NOBODYS)
    (rebuild,) = [
        each["id"]
        for each in await place.get("/api/relaunch/builds", token=TOKEN)
        if each["environment_id"] == theirs["environment"]["id"]
    ]
    started = BuildStarted(
        build_id=await place.api.build_of(rebuild),
        build_key="k",
        attempt=1,
        repository_url=place.secret.url,
        commit="c" * 40,
    )
    events = [
        moved(theirs["id"], NOBODYS, number=1),
        Event.of(_a_push(place), id="event-2", time=NOW),
        Event.of(started, id="event-3", time=NOW),
        Event(id="event-4", type="dev.relaunch.new.v9", time=NOW, data={"x": "y"}),
        moved(hers["id"], place.project.id, number=5),
    ]

    async with listening(place, place.editor) as told, listening(place, TOKEN) as all_:
        await place.api.bus.publish(events)
        first = await asyncio.wait_for(anext(told), 10)
        everything = [await asyncio.wait_for(anext(all_), 10) for _ in events]

    assert first.id == "event-5"
    assert json.loads(first.data)["data"]["launcher_id"] == hers["id"]
    assert [each.id for each in everything] == [event.id for event in events]


def _a_push(place: Installation) -> PushReceived:
    return PushReceived(
        repository=RepositoryData.of(place.secret.repository),
        ref="refs/heads/main",
        trigger="push",
        delivery_id="d-1",
        hook_id="hook-1",
        received_at=NOW,
    )


async def test_an_event_about_several_projects_is_cut_down_to_the_listeners(
    place: Installation,
) -> None:
    await place.follow(place.open_.url)
    (hers,) = await place.get("/api/relaunch/sources")
    await place.follow(place.open_.url, token=TOKEN, project=NOBODYS)
    all_ = await place.get("/api/relaunch/sources", token=TOKEN)
    request = EvaluationRequested(
        repository=RepositoryData.of(place.open_.repository),
        source_ids=tuple(each["id"] for each in all_),
        rebuild_ids=(NOBODYS,),
        trigger="manual",
        requested_at=NOW,
    )

    async with listening(place, place.editor) as told:
        await place.api.bus.publish([Event.of(request, id="event-1", time=NOW)])
        first = await asyncio.wait_for(anext(told), 10)

    assert len(all_) == 2
    shown = json.loads(first.data)["data"]
    assert (shown["source_ids"], shown["rebuild_ids"]) == ([hers["id"]], [])


async def test_a_credential_that_ends_ends_its_stream(place: Installation) -> None:
    async with listening(place, place.editor) as told:
        async with place.world.store.transaction() as tx:
            token = await tx.tokens.by_digest(digest_token(Secret(place.editor)))
            await tx.tokens.revoke(token.id, at=place.world.clock.now())
        place.world.clock.advance(timedelta(minutes=2))

        rest = [each async for each in told]

    assert [each for each in rest if each.name] == []


def a_payload(repository: HostedRepo) -> str:
    return json.dumps(
        {
            "ref": "refs/heads/main",
            "before": "a" * 40,
            "after": repository.tip(),
            "deleted": False,
            "commits": [],
            "repository": {
                "id": repository.number,
                "full_name": repository.path,
                "clone_url": repository.url,
                "default_branch": "main",
            },
        }
    )


async def test_a_simulation_is_about_what_the_caller_edits(
    place: Installation,
) -> None:
    await place.follow(place.open_.url)
    await place.follow(place.secret.url, token=TOKEN, project=NOBODYS)
    await place.build()
    path = "/api/relaunch/simulations"

    shown = {
        (name, who): await place.ask(
            "POST",
            path,
            {"forge": "github", "body": a_payload(repository)},
            token=token,
        )
        for name, repository in {"open": place.open_, "secret": place.secret}.items()
        for who, token in {
            "editor": place.editor,
            "outsider": place.outsider,
            "admin": TOKEN,
        }.items()
    }

    followed = {key: len(answer.json["sources"]) for key, answer in shown.items()}
    assert followed == {
        ("open", "editor"): 1,
        ("open", "outsider"): 0,
        ("open", "admin"): 1,
        ("secret", "editor"): 0,
        ("secret", "outsider"): 0,
        ("secret", "admin"): 1,
    }
    body = {"repository": place.secret.url, "forge": "github", "paste": True}
    hook = (await place.ask("POST", "/api/relaunch/hooks", body, token=TOKEN)).json
    guess = {
        "forge": "github",
        "body": a_payload(place.secret),
        "hook_id": hook["id"],
    }
    assert (await place.ask("POST", path, guess)).status == 404


async def test_no_cache_gives_one_callers_answer_to_another(
    place: Installation,
) -> None:
    await place.follow(place.open_.url)
    kept = {}
    for path in (
        "/api/data/session_launchers",
        "/api/relaunch/deliveries",
        f"/api/data/projects/{place.project.id}",
        f"/api/data/projects/{NOBODYS}",
        "/api/nowhere",
        "/api/data/version",
    ):
        answer = await place.ask("GET", path)
        kept[path] = (
            answer.headers.get("Cache-Control"),
            answer.headers.get("Vary"),
        )

    alone, asked = ("private, no-store", "Authorization"), "private, no-cache"
    assert kept == {
        "/api/data/session_launchers": alone,
        "/api/relaunch/deliveries": alone,
        f"/api/data/projects/{place.project.id}": (asked, "Authorization"),
        f"/api/data/projects/{NOBODYS}": alone,
        "/api/nowhere": alone,
        "/api/data/version": (None, None),
    }
