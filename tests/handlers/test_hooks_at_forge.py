"""Hooks at a forge that the service has a token for: made, mended, told of."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.forge.access import READER_TOKEN
from tests.support.looked_after import LookedAfter, ReadOnly, looked_after


@pytest.fixture(params=["github", "gitlab"])
async def there(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[LookedAfter]:
    async with looked_after(tmp_path, request.param) as it:
        yield it


@pytest.fixture
async def github(tmp_path: Path) -> AsyncIterator[LookedAfter]:
    async with looked_after(tmp_path, "github") as it:
        yield it


@pytest.fixture
async def gitlab(tmp_path: Path) -> AsyncIterator[LookedAfter]:
    async with looked_after(tmp_path, "gitlab") as it:
        yield it


async def written(there: LookedAfter) -> None:
    """Have what arrived written down."""
    await there.forge.settled()
    await there.api.write_log()


async def test_a_token_makes_the_hook_and_its_first_delivery_connects_it(
    there: LookedAfter,
) -> None:
    made = await there.add()
    await written(there)

    (hook,) = there.forge.hooks
    shown = await there.api.get(f"/hooks/{made['id']}")
    stored = await there.stored(made)
    assert (hook.url, hook.content_type, hook.is_active) == (made["url"], "json", True)
    assert {"push", "push_events"} & set(hook.events)
    assert stored.secrets[0].reveal() in {hook.secret, hook.signing_token}
    assert (made["at_forge"], made["managed"]) == (True, True)
    assert "secret" not in made
    assert (shown["status"], shown["forge_hook_id"]) == ("connected", str(hook.id))
    assert shown["last_delivery"]["status"] == "ignored"


async def test_a_real_push_through_a_made_hook_is_taken(there: LookedAfter) -> None:
    made = await there.add()
    there.api.world.clock.advance(timedelta(seconds=1))

    await there.repo.push({"requirements.txt": "six\nattrs\n"})
    await written(there)

    (latest, *_) = await there.api.get(f"/deliveries?hook={made['id']}")
    assert (latest["reason"], latest["ref"]) == ("not_tracked", "refs/heads/main")
    assert there.forge.deliveries[-1].status == 202


async def test_a_gitlab_without_signing_tokens_gets_a_secret_token(
    gitlab: LookedAfter,
) -> None:
    gitlab.forge.version = "18.11.0"

    made = await gitlab.add()
    await written(gitlab)

    (hook,) = gitlab.forge.hooks
    assert made["proof"] == "secret_token"
    assert hook.secret == (await gitlab.stored(made)).secrets[0].reveal()
    assert (await gitlab.api.get(f"/hooks/{made['id']}"))["status"] == "connected"


async def test_a_gitlab_without_the_proof_that_was_asked_for_is_told(
    gitlab: LookedAfter,
) -> None:
    gitlab.forge.version = "18.11.0"

    made = await gitlab.add(proof="signing_token")

    assert (made["at_forge"], made["proof"]) == (False, "signing_token")
    assert "signing_token" in made["instructions"][0]
    assert made["secret"]
    assert len(gitlab.forge.hooks) == 0


async def test_a_token_that_may_not_make_hooks_leaves_it_to_the_user(
    tmp_path: Path,
) -> None:
    async with looked_after(tmp_path, "github", token=READER_TOKEN) as there:
        made = await there.add()

    assert made["at_forge"] is False
    assert made["instructions"][0].startswith("The forge was not changed: ")
    assert made["url"] in " ".join(made["instructions"])
    assert READER_TOKEN not in str(made)


async def test_who_wants_to_paste_is_not_helped(github: LookedAfter) -> None:
    made = await github.add(paste=True)

    assert (made["at_forge"], len(github.forge.hooks)) == (False, 0)
    assert made["secret"]


async def test_a_rotation_changes_the_secret_at_the_forge(there: LookedAfter) -> None:
    made = await there.add()
    there.api.world.clock.advance(timedelta(hours=1))

    path = f"/hooks/{made['id']}/rotate"
    rotated = (await there.api.call("POST", path)).json
    await there.repo.push({"a": "b"})
    await written(there)

    new, old = (secret.reveal() for secret in (await there.stored(made)).secrets)
    (hook,) = there.forge.hooks
    shown = await there.api.get(f"/hooks/{made['id']}")
    assert new in {hook.secret, hook.signing_token}
    assert old not in {hook.secret, hook.signing_token}
    assert (rotated["at_forge"], "secret" in rotated) == (True, False)
    assert (shown["secrets"], shown["status"]) == (2, "connected")
    assert shown["warning"].startswith("The forge uses the new secret")


async def test_case_79_an_older_secret_that_is_still_used_is_warned_of(
    there: LookedAfter,
) -> None:
    made = await there.add()
    (hook,) = there.forge.hooks
    old = hook.secret, hook.signing_token
    there.api.world.clock.advance(timedelta(hours=1))
    await there.api.call("POST", f"/hooks/{made['id']}/rotate")

    hook.secret, hook.signing_token = old
    there.api.world.clock.advance(timedelta(seconds=1))
    await there.repo.push({"a": "b"})
    await written(there)

    shown = await there.api.get(f"/hooks/{made['id']}")
    assert shown["last_delivery"]["is_by_old_secret"]
    assert shown["warning"].startswith("The newest delivery was still proved by")


async def test_a_removed_hook_is_removed_at_the_forge(there: LookedAfter) -> None:
    made = await there.add()

    await there.api.call("DELETE", f"/hooks/{made['id']}")

    assert len(there.forge.hooks) == 0


async def test_the_forge_delivers_when_it_is_asked_to(there: LookedAfter) -> None:
    made = await there.add()
    before = len(there.forge.deliveries)

    asked = await there.api.call("POST", f"/hooks/{made['id']}/test")
    await there.forge.settled()

    assert asked.status == 204
    assert len(there.forge.deliveries) == before + 1
    assert there.forge.deliveries[-1].has_succeeded


async def test_case_72_a_hook_edited_at_the_forge_is_mended(
    there: LookedAfter,
) -> None:
    made = await there.add()
    (hook,) = there.forge.hooks
    hook.url, hook.events, hook.insecure_ssl = "https://elsewhere.example/", [], "1"
    hook.secret = hook.signing_token = ""

    shown = await there.check(made)

    secret = (await there.stored(made)).secrets[0].reveal()
    assert hook.url == made["url"]
    assert {"push", "push_events"} & set(hook.events)
    assert secret in {hook.secret, hook.signing_token}
    assert set(shown["health"]["repaired"]) == {
        "other_url",
        "other_events",
        "no_secret",
    }
    assert shown["health"]["reasons"] == []
    assert await there.told() == []


async def test_case_72_a_hook_that_sends_forms_is_mended(github: LookedAfter) -> None:
    made = await github.add()
    (hook,) = github.forge.hooks
    hook.content_type, hook.is_active = "form", False

    shown = await github.check(made)

    assert (hook.content_type, hook.is_active) == ("json", True)
    assert set(shown["health"]["repaired"]) == {"inactive", "other_content_type"}


async def test_case_72_a_deleted_hook_is_made_again(there: LookedAfter) -> None:
    made = await there.add()
    there.forge.hooks.remove(there.forge.hooks[0])

    shown = await there.check(made)
    await there.repo.push({"a": "b"})
    await there.forge.settled()

    (hook,) = there.forge.hooks
    assert shown["health"]["repaired"] == ["gone"]
    assert shown["forge_hook_id"] == str(hook.id)
    assert there.forge.deliveries[-1].status == 202


async def test_case_72_a_wrong_secret_is_noticed_by_its_deliveries_and_mended(
    there: LookedAfter,
) -> None:
    made = await there.add()
    (hook,) = there.forge.hooks
    there.api.world.clock.advance(timedelta(hours=1))
    if hook.signing_token:
        hook.signing_token = "whsec_" + "A" * 43 + "="
    else:
        hook.secret = "somebody's own"
    await there.repo.push({"a": "b"})
    await written(there)

    refused = await there.api.get(f"/hooks/{made['id']}")
    there.api.world.clock.advance(timedelta(minutes=1))
    shown = await there.check(made)

    secret = (await there.stored(made)).secrets[0].reveal()
    assert 401 in [delivery.status for delivery in there.forge.deliveries]
    assert refused["status"] == "refusing deliveries"
    assert shown["health"]["repaired"] == ["wrong_secret"]
    assert secret in {hook.secret, hook.signing_token}


async def test_a_hook_that_cannot_be_mended_is_told_of_once_for_each_change(
    tmp_path: Path,
) -> None:
    async with looked_after(tmp_path, "github", routed=ReadOnly) as there:
        made = await there.add()
        (hook,) = there.forge.hooks
        hook.is_active = False
        await there.check(made)
        await there.check(made)
        hook.content_type = "form"
        shown = await there.check(made)
        told = await there.told()

    assert [hook_unhealthy.reasons for hook_unhealthy in told] == [
        ("inactive",),
        ("inactive", "other_content_type"),
    ]
    assert told[0].remedy.endswith("switch it on.")
    assert (shown["status"], shown["health"]["remedy"]) == ("unhealthy", told[0].remedy)
    assert shown["health"]["trouble"]


async def test_a_forge_that_does_not_answer_proves_nothing(
    there: LookedAfter,
) -> None:
    made = await there.add()
    there.forge.fail_next(502, 5)

    shown = await there.check(made)

    assert shown["health"]["reasons"] == []
    assert "502" in shown["health"]["trouble"]
    assert await there.told() == []


async def test_case_64_a_paused_hook_delivers_again(gitlab: LookedAfter) -> None:
    made = await gitlab.add()
    (hook,) = gitlab.forge.hooks
    for _ in range(5):
        hook.fail(gitlab.forge.clock.now())

    shown = await gitlab.check(made)
    await gitlab.repo.push({"a": "b"})
    await gitlab.forge.settled()

    assert shown["health"]["repaired"] == ["paused"]
    assert (hook.failures, gitlab.forge.deliveries[-1].status) == (0, 202)


async def test_case_64_what_failed_to_arrive_is_delivered_again_once(
    there: LookedAfter,
) -> None:
    made = await there.add()
    await there.check(made)
    url = made["url"]
    (hook,) = there.forge.hooks
    hook.url = "http://127.0.0.1:9/nobody"
    await there.repo.push({"a": "b"})
    await there.forge.settled()
    hook.url = url

    first = await there.check(made)
    redelivered = there.forge.deliveries[-1]
    second = await there.check(made)

    assert (first["health"]["redelivered"], second["health"]["redelivered"]) == (1, 0)
    assert (redelivered.is_redelivery, redelivered.status) == (True, 202)
