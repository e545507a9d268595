"""The pages of webhooks and of the operator."""

from html import unescape

from handlers.page.paging import PER_PAGE
from service.domain.delivery import Forge
from service.domain.hook import HookId
from tests.support.api import Api
from tests.support.browsing import Browser, browsing
from tests.support.deliveries import a_hook as a_hook_of
from tests.support.repos import Repo
from tests.support.rights import populate

REPOSITORY = "https://gitlab.com/ada/course"


async def a_hook(api: Api) -> str:
    body = {"repository": REPOSITORY, "forge": Forge.GITLAB.value, "paste": True}
    made = await api.call("POST", "/hooks", body)
    assert made.status == 201, made
    hook: str = made.json["id"]
    return hook


async def test_a_secret_is_rotated_and_the_older_one_retired(
    api: Api, browser: Browser
) -> None:
    page = f"/hooks/{await a_hook(api)}"

    rotated = await browser.post(f"{page}/rotate")
    between = await browser.get(page)
    retired = await browser.post(f"{page}/retire")

    assert "hook-secret" in rotated.text
    assert "Retire the older secret" in between.text
    assert "hook-secret" not in between.text
    assert (retired.status, retired.location) == (303, page)
    assert "Rotate the secret" in (await browser.get(page)).text


async def test_webhooks_are_listed_with_their_state_and_removed(
    api: Api, browser: Browser
) -> None:
    empty = await browser.get("/hooks")
    hook = await a_hook(api)
    listed = await browser.get("/hooks")
    await browser.post(f"/hooks/{hook}/remove")

    assert "No webhooks yet" in empty.text
    assert "gitlab.com/ada/course" in listed.text
    assert "Waiting for the first delivery" in listed.text
    assert (await browser.get(f"/hooks/{hook}")).status == 404


async def test_a_long_list_has_pages(api: Api, browser: Browser) -> None:
    hooks = [a_hook_of(id=HookId(f"h-{number}")) for number in range(PER_PAGE + 1)]
    async with api.world.store.transaction() as tx:
        for hook in hooks:
            await tx.hooks.add(hook)
    first, second, none = [
        (await browser.get(f"/hooks{query}")).text
        for query in ("", "?page=2", "?page=9")
    ]

    assert (first.count('href="/hooks/h-'), second.count('href="/hooks/h-')) == (50, 1)
    assert 'href="?page=2" rel="next"' in first
    assert "Page 2 of 2" in second
    # Whoever comes by an older link is not told that there are none.
    assert "No webhooks yet" not in none
    assert "Nothing is on this page any more" in none


async def test_a_delivery_is_shown_and_sent_again(api: Api, repo: Repo) -> None:
    made = await populate(api.world, repo.repository)
    async with browsing(api) as editor:
        await editor.sign_in(made.tokens["editor"] or "")
        shown = await editor.get(f"/hooks/{made.ids['hook_id']}")
        sent = await editor.post(f"/deliveries/{made.ids['delivery_id']}/replay")
        operation = await editor.get("/operation")

    assert made.ids["delivery_id"] in shown.text
    # What it led to stands beside it.
    deliveries = shown.text.partition('sse-swap="deliveries"')[2]
    assert "Changed" in deliveries
    assert sent.location == f"/hooks/{made.ids['hook_id']}"
    assert operation.status == 403


async def test_the_operator_sees_what_waits(live: Api, repo: Repo) -> None:
    made = await live.add_built_launcher(repo.url)
    async with browsing(live) as browser:
        await browser.sign_in()
        await browser.post(f"/launchers/{made['id']}/rebuild")
        shown = await browser.get("/operation")

    assert "Running and waiting" in shown.text
    assert made["name"] in shown.text
    assert "Every message was handled" in shown.text


async def test_deliveries_come_while_the_page_is_open(live: Api) -> None:
    hook = await a_hook(live)
    async with browsing(live) as browser:
        await browser.sign_in()
        page = await browser.get(f"/hooks/{hook}")
        url = page.text.partition('sse-connect="')[2].partition('"')[0]
        async with browser.stream(unescape(url)) as parts:
            await live.bare("POST", f"/webhooks/gitlab/{hook}", {"ref": "x"})
            await live.write_log()
            sent = {
                part.name: part.data
                for part in [await anext(parts), await anext(parts)]
            }

    assert "None yet" in page.text
    assert set(sent) == {"hook", "deliveries"}
    assert "Refused" in sent["deliveries"]
