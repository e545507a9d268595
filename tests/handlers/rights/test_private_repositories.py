"""What only the installation's credentials read is for those who were granted it."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumers.granting import make_keeper
from service.domain.repository import Repository
from service.domain.rights.caller import ProjectId
from service.domain.rights.grants import GrantRules
from service.domain.source import Access
from service.errors import InvalidRequestError
from tests.handlers.rights.conftest import Installation, from_code
from tests.support.api import TOKEN

ABSENT = "ada/absent"
"""As long as the private repository's name, and nowhere."""


async def all_she_sees(place: Installation, launcher: Any, name: str) -> str:
    """Return everything that an editor can read of a launcher, made comparable."""
    environment = launcher["environment"]["id"]
    sources = await place.get("/api/relaunch/sources")
    source = next(each for each in sources if launcher["id"] in each["launchers"])
    seen = [
        await place.get(f"/api/relaunch/session_launchers/{launcher['id']}"),
        await place.get(f"/api/data/session_launchers/{launcher['id']}"),
        await place.get(f"/api/relaunch/environments/{environment}/builds"),
        await place.get(f"/api/relaunch/sources/{source['id']}/evaluations"),
        await place.get(f"/api/relaunch/explanations?of={launcher['id']}"),
        source,
    ]
    text = re.sub("01J0[0-9A-Z]{22}", "ID", json.dumps(seen).replace(name, "NAME"))
    return _without_what_differs_anyway(json.loads(text))


def _without_what_differs_anyway(value: Any, key: str = "") -> str:
    """Leave out ids and times, and keep that they are there."""
    if isinstance(value, dict):
        inner = {
            name: _without_what_differs_anyway(each, name)
            for name, each in value.items()
        }
        return json.dumps(inner, sort_keys=True)
    if isinstance(value, list):
        return json.dumps([_without_what_differs_anyway(each, key) for each in value])
    volatile = key.endswith(("id", "_at", "date", "of", "name", "launchers"))
    if volatile or (key in {"message", "lines", "description"} and "L-" in str(value)):
        return type(value).__name__
    return str(value)


async def test_a_private_repository_looks_as_if_it_did_not_exist(
    place: Installation,
) -> None:
    closed = await place.follow_unread(place.secret.url.removesuffix(".git"))
    absent = await place.follow_unread(f"{place.forge.url}/{ABSENT}")

    shown = {
        name: await place.newest_build(launcher)
        for name, launcher in {"ada/secret": closed, ABSENT: absent}.items()
    }
    said = {
        name: build["failure"]["message"].replace(name, "NAME")
        for name, build in shown.items()
    }

    assert said["ada/secret"] == said[ABSENT]
    assert "does not exist, or is not public and not granted" in said[ABSENT]
    assert place.world.builder.running == []
    # By construction: nobody with a name ever asked the forge about it.
    assert place.asked_by_api == 0


async def test_all_that_is_shown_of_both_differs_in_nothing(
    place: Installation,
) -> None:
    closed = await place.follow_unread(place.secret.url.removesuffix(".git"))
    absent = await place.follow_unread(f"{place.forge.url}/{ABSENT}")

    seen = await all_she_sees(place, closed, "ada/secret")
    other = await all_she_sees(place, absent, ABSENT)

    number = str(place.names.index(closed["id"]))
    assert seen.replace(f"launcher {number}", "") == other.replace("launcher 1", "")


async def test_a_launcher_of_a_private_repository_is_refused_as_of_an_absent_one(
    place: Installation,
) -> None:
    said = {}
    for url in (place.secret.url, f"{place.forge.url}/{ABSENT}"):
        body = {
            "name": "hers",
            "project_id": place.project.id,
            "environment": from_code(url),
        }
        answer = await place.ask("POST", "/api/data/session_launchers", body)
        said[url] = answer.status, answer.text.replace(url, "URL")

    assert len(set(said.values())) == 1
    status, text = said[place.secret.url]
    assert status == 422
    # Renku's sentence, and what to do.
    assert "required credentials to clone the code repository URL" in text
    assert "an administrator has to grant it to the project" in text
    assert place.asked_by_api == 0
    assert await place.get("/api/data/session_launchers") == []

    await place.grant(place.secret.url)
    assert await place.follow(place.secret.url)


async def test_an_editor_finds_a_granted_repository_that_nobody_follows_yet(
    place: Installation,
) -> None:
    path = f"/api/data/repository?url={place.secret.url}"
    before = await place.get(path)

    await place.grant(place.secret.url)

    after = await place.get(path)
    others = await place.get(path, token=place.outsider)
    assert (before["status"], before["error_code"]) == (
        "invalid",
        "metadata_unauthorized",
    )
    assert after["metadata"]["pull_permission"] is True
    assert after["metadata"]["visibility"] == "private"
    assert others == before


async def test_a_public_repository_is_free_for_everybody(place: Installation) -> None:
    launcher = await place.follow(place.open_.url)
    await place.build()

    shown = await place.get(f"/api/relaunch/session_launchers/{launcher['id']}")

    assert shown["environment"]["container_image"].endswith(":1") or shown
    build = await place.newest_build(launcher)
    assert build["status"] == "succeeded"
    project = await place.get(f"/api/data/projects/{place.project.id}")
    assert place.open_.url in project["repositories"]


@pytest.mark.parametrize("kind", ["code", "image"])
async def test_a_launcher_cannot_be_moved_to_a_private_repository(
    kind: str, place: Installation
) -> None:
    if kind == "code":
        launcher = await place.follow(place.open_.url)
        change: dict[str, object] = {
            "build_parameters": {"repository": place.secret.url}
        }
    else:
        launcher = await place.follow("", **_an_image())
        change = {
            "environment_image_source": "build",
            "environment_kind": "CUSTOM",
            "build_parameters": {
                key: value
                for key, value in from_code(place.secret.url).items()
                if key != "environment_image_source"
            },
        }
    for root in ("/api/data", "/api/relaunch"):
        answer = await place.ask(
            "PATCH",
            f"{root}/session_launchers/{launcher['id']}",
            {"environment": change},
        )
        assert answer.status == 422, answer
        await place.world.settle()

        assert place.asked_by_api == 0


def _an_image() -> dict[str, Any]:
    return {
        "environment_image_source": "image",
        "environment_kind": "CUSTOM",
        "name": "ready",
        "container_image": "alpine:3",
    }


@pytest.mark.parametrize("way", ["build", "source"])
async def test_asking_for_a_build_reads_nothing_either(
    way: str, place: Installation
) -> None:
    launcher = await place.follow_unread(place.secret.url)
    environment = launcher["environment"]["id"]
    (source,) = await place.get("/api/relaunch/sources")
    path = (
        f"/api/data/environments/{environment}/builds"
        if way == "build"
        else f"/api/relaunch/sources/{source['id']}/evaluations"
    )

    answer = await place.ask("POST", path)
    await place.world.settle()

    assert answer.status in {201, 202}
    assert place.asked_by_api == 0


async def test_an_administrators_grant_has_it_read_and_its_end_ends_that(
    place: Installation,
) -> None:
    launcher = await place.follow_unread(place.secret.url)

    granted = await place.grant(place.secret.url)
    await place.build()

    assert granted.status == 200
    assert {"repository": place.secret.url, "granted": True}.items() <= granted.json[
        -1
    ].items()
    assert (await place.newest_build(launcher))["status"] == "succeeded"
    image = (await place.world.launcher(launcher["id"])).image
    assert image is not None
    assert place.asked_by_api > 0

    withdrawn = await place.grant(place.secret.url, granted=False)
    await place.secret.push({"requirements.txt": "six==1.17.0\n"})
    await place.world.push(place.secret.repository)
    await place.world.later(60)

    assert withdrawn.json[-1]["granted"] is False
    assert await accesses(place, launcher) is Access.ANONYMOUS
    # What was built when it was allowed stays; nothing newer comes.
    assert (await place.world.launcher(launcher["id"])).image == image
    assert (await place.newest_build(launcher))["status"] == "failed"


async def test_a_launcher_of_an_administrator_grants_its_project_the_repository(
    place: Installation,
) -> None:
    launcher = await place.follow(place.secret.url, token=TOKEN)
    await place.build()

    assert (await place.newest_build(launcher))["status"] == "succeeded"
    # So does every other of the project's, of whoever edits it.
    other = await place.follow(place.secret.url)
    await place.build()
    assert (await place.newest_build(other))["status"] == "succeeded"


async def test_the_default_project_of_the_operator_needs_no_setup(
    place: Installation,
) -> None:
    made = await place.api.add_built_launcher(place.secret.url)

    assert (
        made["environment"]["container_image"]
        == (await place.world.launcher(made["id"])).image
    )


async def test_a_list_that_is_sent_back_grants_nothing(place: Installation) -> None:
    launcher = await place.follow_unread(place.secret.url)
    path = f"/api/data/projects/{place.project.id}"
    shown = await place.ask("GET", path, token=TOKEN)

    # An administrator adds another one, and sends hers back with it, in two spellings.
    answer = await place.api.bare(
        "PATCH",
        path,
        {
            "repositories": [
                *shown.json["repositories"],
                place.secret.url.removesuffix(".git") + "/",
                place.open_.url,
            ]
        },
        headers={
            "Authorization": f"Bearer {TOKEN}",
            "If-Match": shown.headers["ETag"],
        },
    )
    await place.world.settle()

    assert answer.status == 200, answer
    linked = await place.get(f"/api/relaunch/projects/{place.project.id}/repositories")
    assert {each["repository"]: each["granted"] for each in linked} == {
        f"{place.forge.url}/ada/linked": False,
        place.secret.url: False,
        place.secret.url.removesuffix(".git") + "/": False,
        place.open_.url: True,
    }
    same = {"environment": {"build_parameters": {"repository": place.secret.url}}}
    where = f"/api/data/session_launchers/{launcher['id']}"
    assert (await place.ask("PATCH", where, same, token=TOKEN)).status == 200
    assert place.asked_by_api == 0


async def test_only_administrators_grant(place: Installation) -> None:
    path = f"/api/relaunch/projects/{place.project.id}/repositories"
    body = {"repository": place.secret.url}

    for token, status in {place.editor: 403, place.outsider: 403, TOKEN: 200}.items():
        assert (await place.ask("POST", path, body, token=token)).status == status


async def test_a_push_to_a_private_repository_leaves_no_trace_with_others(
    place: Installation,
) -> None:
    launcher = await place.follow_unread(place.secret.url)
    await place.follow(place.secret.url, token=TOKEN, project="0" * 26)
    await place.build()
    # Every new source is looked at twice.
    await place.world.later(60)
    (source,) = await place.get("/api/relaunch/sources")
    looks = await place.get(f"/api/relaunch/sources/{source['id']}/evaluations")

    await place.secret.push({"requirements.txt": "six==1.17.0\n"})
    delivery = await place.world.push(place.secret.repository)
    await place.world.later(60)
    await place.build()

    path = f"/api/relaunch/sources/{source['id']}/evaluations"
    assert await place.get(path) == looks
    assert await place.get("/api/relaunch/deliveries") == []
    for of in (delivery, place.secret.tip()):
        answer = await place.ask("GET", f"/api/relaunch/explanations?of={of}")
        assert answer.status == 404
    answer = await place.ask("GET", f"/api/relaunch/deliveries/{delivery}")
    assert answer.status == 404
    assert launcher["id"] in {each["id"] for each in await place.get(_LAUNCHERS)}
    assert len(await place.get(_LAUNCHERS)) == 1


_LAUNCHERS = "/api/relaunch/session_launchers"


async def test_a_repository_that_turns_private_leaves_its_launchers_as_they_are(
    place: Installation,
) -> None:
    launcher = await place.follow(place.open_.url)
    await place.build()
    image = (await place.world.launcher(launcher["id"])).image
    (source,) = await place.get("/api/relaunch/sources")

    place.forge.set_visibility(place.open_, "private")
    await place.open_.push({"requirements.txt": "six==1.17.0\n"})
    delivery = await place.world.push(place.open_.repository)
    await place.world.later(60)

    # The first push after it is looked at in vain, and nobody learns that it came.
    path = f"/api/relaunch/sources/{source['id']}/evaluations"
    last = (await place.get(path))[0]
    assert (last["verdict"], last["trigger"]) == ("unknown", "sweep")
    assert delivery not in json.dumps(await place.get(path))
    looks = len(await place.get(path))
    await place.world.push(place.open_.repository)
    await place.world.later(60)
    assert len(await place.get(path)) == looks
    assert (await place.world.launcher(launcher["id"])).image == image

    place.forge.set_visibility(place.open_, "public")
    await place.ask("POST", path)
    await place.world.settle()
    await place.build()

    assert (await place.world.launcher(launcher["id"])).image != image


async def test_who_links_a_repository_has_no_say_over_its_hooks(
    place: Installation,
) -> None:
    body = {"repository": place.secret.url, "forge": "github", "paste": True}
    made = await place.ask("POST", "/api/relaunch/hooks", body, token=TOKEN)
    hook = made.json["id"]
    await place.follow_unread(place.secret.url)

    assert await place.get("/api/relaunch/hooks") == []
    refused = await place.ask("POST", "/api/relaunch/hooks", body)
    assert refused.status == 404
    for method, action in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/rotate"),
        ("POST", "/retire"),
        ("POST", "/check"),
        ("POST", "/test"),
    ):
        answer = await place.ask(method, f"/api/relaunch/hooks/{hook}{action}")
        assert answer.status == 404, (method, action)

    await place.grant(place.secret.url)
    assert [each["id"] for each in await place.get("/api/relaunch/hooks")] == [hook]


async def test_rules_of_the_settings_grant_and_their_end_withdraws(
    place: Installation,
) -> None:
    launcher = await place.follow_unread(place.secret.url)
    given = GrantRules.from_texts([f"{place.forge.host}/ada/*={place.project.id}"])

    await keep(place, given)
    await place.build()
    assert (await place.newest_build(launcher))["status"] == "succeeded"
    linked = await place.get(f"/api/relaunch/projects/{place.project.id}/repositories")
    assert {each.get("granted_by") for each in linked} == {"rule"}

    await keep(place, GrantRules())

    assert await accesses(place, launcher) == Access.ANONYMOUS


async def test_what_a_dying_process_left_unsettled_is_settled_by_the_leader(
    place: Installation,
) -> None:
    launcher = await place.follow(place.secret.url, token=TOKEN)
    assert await accesses(place, launcher) == Access.CREDENTIAL
    # The links are gone and marked, and nothing was done about it.
    async with place.world.store.transaction() as tx:
        project = await tx.projects.get(place.project.id)
        links = [each for each in project.repositories if "secret" not in each.url]
        await tx.projects.save(replace(project, repositories=tuple(links)))
        await tx.projects.mark_unsettled(project.id)

    await keep(place, GrantRules())

    assert await accesses(place, launcher) == Access.ANONYMOUS
    async with place.world.store.reading() as tx:
        assert await tx.projects.unsettled(limit=9) == []


async def keep(place: Installation, rules: GrantRules) -> None:
    """Have another leader begin, with these rules."""
    world = place.world
    world.clock.advance(timedelta(minutes=1))
    keeper = make_keeper(
        store=world.store,
        builder=world.builder,
        clock=world.clock,
        ids=world.ids,
        recorder=world.recorder,
        rules=rules,
    )
    await keeper.round()
    await world.settle()


async def accesses(place: Installation, launcher: Any) -> Access:
    async with place.world.store.reading() as tx:
        found = await tx.launchers.get(launcher["id"])
        return (await tx.sources.get(found.tracked_source)).access


@pytest.mark.parametrize(
    ("rule", "repository", "is_granted"),
    [
        ("forge.example/acme/*=*", "https://forge.example/acme/a", True),
        ("forge.example/acme/*=*", "https://FORGE.example/Acme/a.git", True),
        ("forge.example/acme/*=*", "https://forge.example/acme/sub/a", False),
        ("forge.example/acme/**=*", "https://forge.example/acme/sub/a", True),
        ("forge.example/acme/pub-*=*", "https://forge.example/acme/pub-x", True),
        ("forge.example/acme/pub-*=*", "https://forge.example/acme/secret", False),
        ("forge.example/acme/*=*", "https://forge.example:8443/acme/a", False),
        ("forge.example/acme/*=*", "https://other.example/acme/a", False),
        ("forge.example/acme/a.b=*", "https://forge.example/acme/axb", False),
        (f"forge.example/acme/*={'0' * 26}", "https://forge.example/acme/a", True),
        (f"forge.example/acme/*={'1' * 26}", "https://forge.example/acme/a", False),
        ("localhost/**=*", "file:///srv/git/secret", False),
    ],
)
def test_a_rule_grants_what_it_says(
    rule: str, repository: str, *, is_granted: bool
) -> None:
    rules = GrantRules.from_texts([rule])

    assert (
        rules.grants(ProjectId("0" * 26), Repository.from_url(repository)) is is_granted
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*/acme=*",
        "forge.example=*",
        "forge.example/=*",
        "forge.example/a=me/x",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="expected host/path=project"):
        GrantRules.from_texts([text])
