"""The user guide in a real browser, from nothing to a session's image."""

import asyncio
import re
from datetime import timedelta

import pytest
from playwright.async_api import Locator, Page, Route, expect

from service.domain.building.failure import FailureClass
from tests.browser.people import people
from tests.support.api import Api
from tests.support.repos import Repo

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='run'\"><script>alert(1)</script>"
SHIFTS = """window.shifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries())
    for (const source of entry.sources)
      shifts.push([entry.value, source.node?.outerHTML]);
}).observe({type: "layout-shift"});"""
OPEN = """wanted => WatchedSource.streams.size === wanted
  && Array.from(WatchedSource.streams)
    .every(stream => stream.readyState === EventSource.OPEN)"""
SOON = 15_000
"""Milliseconds: a page looks every two seconds while something is in progress."""


async def create(page: Page, url: str, name: str) -> None:
    await page.get_by_role("link", name="Create from code").click()
    await page.get_by_label("Code repository").fill(url)
    await page.get_by_role("button", name="Look").click()
    await expect(page.get_by_text("Can be built", exact=True)).to_be_visible()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Add session launcher").click()
    await expect(
        page.get_by_role("heading", name="Connect the webhook")
    ).to_be_visible()


async def test_from_nothing_to_ready(api: Api, repo: Repo) -> None:
    async with people(api) as opened:
        page = await opened.sign_in()
        await expect(page.get_by_text("No session launchers yet")).to_be_visible()
        await create(page, repo.url, "Statistics")
        await page.get_by_label("Forge").select_option("gitlab")
        await page.get_by_role("button", name="Make the webhook").click()
        await expect(page.get_by_text("Waiting for the first delivery")).to_be_visible()
        await page.get_by_role("link", name="To the launcher").click()
        status = page.locator("[sse-swap=status]")
        await expect(status.get_by_text("Build in progress")).to_be_visible()

        await api.world.settle()
        api.world.builder.succeed()
        await api.world.settle()

        # The page is not loaded again: it changes by itself.
        await expect(status.get_by_text("Build succeeded")).to_be_visible(timeout=SOON)
        environment = page.locator("[sse-swap=environment]")
        await expect(environment.get_by_text("requirements.txt")).to_be_visible()
        await expect(page).to_have_title("Session launcher · relaunch")


async def test_a_failing_build_says_what_to_mend(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    build = (await api.get(f"/environments/{made['environment']['id']}/builds"))[0]
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto(f"/builds/{build['id']}")
        await api.log(build["id"], "Collecting six", f"\x1b[31mERROR: {HOSTILE}\x1b[0m")
        line = page.locator("#log .is-error")
        await expect(line).to_contain_text(HOSTILE, timeout=SOON)
        api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
        await api.world.settle()

        await expect(page.get_by_text("Build failed")).to_be_visible(timeout=SOON)
        await expect(page.get_by_text("no_such_package")).to_be_visible()
        await expect(page.locator("#log .is-error")).to_have_count(1)
        await expect(page).to_have_title("Build · relaunch")


async def test_two_people_see_what_the_other_does(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    async with people(api) as opened:
        first, second = await opened.sign_in(), await opened.sign_in()
        for page in (first, second):
            await page.goto(f"/launchers/{made['id']}")
        await first.get_by_role("button", name="Rebuild").click()

        shown = second.locator("[sse-swap=status]")
        await expect(shown.get_by_text("Build in progress")).to_be_visible(timeout=SOON)
        await second.get_by_role("button", name="Cancel build").click()
        theirs = first.locator("[sse-swap=status]")
        await expect(theirs.get_by_text("Build cancelled")).to_be_visible(timeout=SOON)
        await expect(theirs.get_by_text("Only an older image")).to_be_visible()


async def test_without_scripts_everything_but_what_is_live_works(
    api: Api, repo: Repo
) -> None:
    async with people(api) as opened:
        page = await opened.sign_in(java_script_enabled=False)
        await create(page, repo.url, "Plain")
        await page.get_by_label("Forge").select_option("gitlab")
        await page.get_by_role("button", name="Make the webhook").click()
        # What would do nothing is not there.
        await expect(page.get_by_text("Copy", exact=True).first).to_be_hidden()
        await page.get_by_role("link", name="To the launcher").click()
        await api.world.settle()
        api.world.builder.succeed()
        await api.world.settle()
        await page.reload()
        await expect(page.get_by_text("Build succeeded").first).to_be_visible()
        await page.get_by_role("button", name="Rebuild").click()
        await page.get_by_role("button", name="Cancel build").click()
        await page.get_by_role("link", name="Build succeeded").click()
        await page.get_by_label("Search the log").fill("six")
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_text("Nothing found.")).to_be_visible()
        await page.locator("main").get_by_role("link", name="Why?").click()

        await expect(page.get_by_role("heading", name="Why?")).to_be_visible()


async def test_without_scripts_too_somebody_is_asked_before_something_is_gone(
    api: Api, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url, name="Statistics")
    async with people(api) as opened:
        page = await opened.sign_in(java_script_enabled=False)
        await page.goto(f"/launchers/{made['id']}")
        await page.get_by_role("link", name="Remove this launcher").press("Enter")
        await page.get_by_role("link", name="Leave it as it is").press("Enter")
        await expect(page.get_by_role("heading", name="Statistics")).to_be_visible()
        await page.get_by_role("link", name="Remove this launcher").press("Enter")
        await page.get_by_role("button", name="Remove").press("Enter")

        await expect(page.get_by_text("No session launchers yet")).to_be_visible()


async def go_to(page: Page, target: Locator) -> None:
    """Press Tab until something has the focus, which has to be seen."""
    await expect(target).to_be_visible()
    for _ in range(60):
        if await target.evaluate("element => element === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(target).to_be_focused()
    # A choice is outlined around its label.
    outlines = await target.evaluate(
        "element => [element, element.parentElement]"
        ".map(each => getComputedStyle(each).outlineStyle)"
    )
    assert set(outlines) != {"none"}, await target.evaluate("each => each.outerHTML")


async def create_by_keyboard(page: Page, url: str) -> None:
    keys = page.keyboard
    await keys.press("Tab")
    await expect(page.get_by_text("Skip to the content")).to_be_focused()
    await keys.press("Enter")
    await go_to(page, page.get_by_role("link", name="Create from code"))
    await keys.press("Enter")
    await expect(page.get_by_label("Code repository")).to_be_focused()
    await keys.type(url)
    await keys.press("Enter")
    await expect(page.get_by_text("Can be built", exact=True)).to_be_visible()
    # Nobody is thrown back to the beginning of the page.
    await expect(page.get_by_label("Code repository")).to_be_focused()
    await go_to(page, page.get_by_label("Name"))
    await keys.press("Control+A")
    await keys.type("By keyboard")
    await go_to(page, page.get_by_role("radio", name="Update by itself"))
    await keys.press("ArrowDown")
    await go_to(page, page.get_by_role("button", name="Add session launcher"))
    await keys.press("Enter")


async def connect_by_keyboard(page: Page) -> None:
    await go_to(page, page.get_by_label("Forge"))
    await page.keyboard.type("GitLab")
    await go_to(page, page.get_by_role("button", name="Make the webhook"))
    await page.keyboard.press("Space")
    await go_to(page, page.get_by_role("link", name="To the launcher"))
    await page.keyboard.press("Enter")


async def test_the_keyboard_is_enough_from_nothing_to_ready(
    api: Api, repo: Repo
) -> None:
    async with people(api) as opened:
        page = await opened.sign_in()
        await create_by_keyboard(page, repo.url)
        await connect_by_keyboard(page)
        status = page.locator("[sse-swap=status]")
        await expect(status.get_by_text("Build in progress")).to_be_visible()
        why = status.get_by_role("link", name="Why?")
        await go_to(page, why)
        await api.world.settle()
        api.world.builder.succeed()
        await api.world.settle()
        await expect(status.get_by_text("Build succeeded")).to_be_visible(timeout=SOON)
        # The part that was exchanged holds what had the focus: it has it still.
        await expect(why).to_be_focused()
        await go_to(page, page.get_by_role("button", name="Rebuild"))
        await page.keyboard.press("Enter")

        await expect(status.get_by_text("Build in progress")).to_be_visible()
        (made,) = await api.get("/session_launchers")
        assert (made["name"], made["update_policy"]) == ("By keyboard", "notify")


async def test_an_address_that_is_pasted_is_read_at_once_and_stands_in_no_history(
    api: Api, repo: Repo
) -> None:
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto("/create")
        address = page.get_by_label("Code repository")
        await address.fill(repo.url)
        await address.dispatch_event("paste")
        await expect(page.get_by_text("Can be built", exact=True)).to_be_visible()
        await page.get_by_text("Another branch, or a folder").click()
        await page.get_by_label("Branch, tag or commit").fill("nowhere")
        await page.get_by_role("button", name="Look again").click()
        branch = page.get_by_label("Branch, tag or commit")
        await expect(branch).to_have_accessible_description(
            re.compile("has no nowhere")
        )
        await expect(branch).to_be_focused()
        await branch.fill("main")
        await page.get_by_role("button", name="Look").click()
        await expect(page.get_by_text("Can be built", exact=True)).to_be_visible()
        await expect(branch).to_have_attribute("aria-invalid", "false")
        # Whoever pressed the button has it still, by the keyboard, too.
        await expect(page.get_by_role("button", name="Look again")).to_be_focused()

        assert page.url == f"{api.url}/create"
        assert await page.evaluate("history.length") == 3


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
async def test_what_was_chosen_stays_when_the_repository_is_read_again(
    api: Api, repo: Repo, *, scripts: bool
) -> None:
    async with people(api) as opened:
        page = await opened.sign_in(java_script_enabled=scripts)
        await page.goto("/create")
        await look(page, repo.url, folder="")
        launcher = page.get_by_role("form", name="Session launcher")
        await launcher.get_by_label("Name").fill("Ours")
        await launcher.get_by_role("radio", name="Only by hand").check()
        await launcher.get_by_text("Advanced").click()
        command = launcher.get_by_role("textbox", name="Command")
        await command.fill("bash")
        await launcher.get_by_role("button", name="Add session launcher").click()
        await expect(page.get_by_text("Nothing was added yet")).to_be_visible()
        # What was typed in since is sent by scripts alone.
        typed = '["bash"]' if scripts else "bash"
        await command.fill(typed)
        await look(page, repo.url, folder="../x")
        await expect(launcher).to_be_hidden()
        await look(page, repo.url, folder="")
        await expect(launcher.get_by_label("Name")).to_have_value("Ours")
        await expect(launcher.get_by_label("Only by hand")).to_be_checked()
        await expect(command).to_have_value(typed)
        opened.complaints.clear()


async def look(page: Page, url: str, *, folder: str) -> None:
    """Have a repository read."""
    address = page.get_by_label("Code repository")
    await address.fill(url)
    field = page.get_by_label("Folder of the definition")
    if not await field.is_visible():
        await page.get_by_text("Another branch, or a folder").click()
    await field.fill(folder)
    async with page.expect_response("**/create"):
        await page.get_by_role("button", name="Look").click()


async def test_what_is_mended_above_is_sent_by_the_form_below(
    api: Api, repo: Repo
) -> None:
    other = Repo(repo.path.parent / "other.git")
    other.commit({"requirements.txt": "six\n"})
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto("/create")
        await look(page, repo.url, folder="")
        name = page.get_by_label("Name")
        await expect(name).to_have_value("course")
        # A name that nobody typed in is that of the repository.
        await look(page, other.url, folder="")
        await expect(name).to_have_value("other")
        await page.get_by_label("Folder of the definition").fill("../x")
        await page.get_by_role("button", name="Add session launcher").click()
        await expect(page.get_by_text("Nothing was added yet")).to_be_visible()
        await page.get_by_label("Folder of the definition").fill("")
        await page.get_by_role("button", name="Add session launcher").click()

        await expect(
            page.get_by_role("heading", name="Connect the webhook")
        ).to_be_visible()
        opened.complaints.clear()


async def test_nothing_moves_when_a_slow_repository_was_read(
    api: Api, repo: Repo
) -> None:
    for name in ("autumn", "spring"):
        repo.commit({"requirements.txt": "six\n"}, branch=name)
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto("/create")

        async def slowly(route: Route) -> None:
            # Longer than what a browser ascribes to a click.
            await asyncio.sleep(1)
            await route.continue_()

        await page.route("**/create", slowly)
        await page.get_by_label("Code repository").fill(repo.url)
        await page.get_by_role("button", name="Look").click()
        await page.evaluate(SHIFTS)
        await expect(page.get_by_text("Can be built", exact=True)).to_be_visible()
        await page.wait_for_timeout(300)

        assert await page.evaluate("shifts") == []


async def test_nothing_moves_while_a_form_with_a_mistake_comes_in_pieces(
    api: Api, repo: Repo
) -> None:
    async with people(api) as opened:
        page = await opened.sign_in(java_script_enabled=False)
        await page.goto("/create")
        await page.get_by_label("Code repository").fill(repo.url)
        await page.get_by_role("button", name="Look").click()
        side = page.get_by_role("heading", name="What is there")
        form = page.get_by_role("heading", name="The launcher")
        beside, below = await side.bounding_box(), await form.bounding_box()
        assert beside is not None
        assert below is not None
        # Where it is shown beside the form, it is so before the form has come.
        columns = await page.locator(".found").evaluate(
            "found => { found.lastElementChild.remove();"
            " return found.firstElementChild.getBoundingClientRect().x }"
        )

        assert beside["x"] > below["x"] + 300
        assert columns < beside["x"] < columns + 60


async def test_who_is_signed_out_meanwhile_is_asked_to_sign_in(
    api: Api, repo: Repo
) -> None:
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto("/create")
        await page.context.clear_cookies()
        await page.get_by_label("Code repository").fill(repo.url)
        await page.get_by_role("button", name="Look").click()

        await expect(page.get_by_text("The form is of another session")).to_be_visible()
        opened.complaints.clear()


async def test_a_push_changes_the_page_that_is_open(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto(f"/launchers/{made['id']}")
        builds = page.locator("[sse-swap=builds]")
        await expect(builds.get_by_text("because of a new launcher")).to_be_visible()
        repo.commit({"requirements.txt": "six==1.17.0\n"})
        await api.world.push(repo.repository)
        await api.world.settle()
        api.world.clock.advance(timedelta(seconds=5))
        await api.world.settle()

        await expect(builds.get_by_text("because of a push")).to_be_visible(
            timeout=SOON
        )


async def test_ages_grow_and_nothing_is_exchanged_for_it(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.clock.install()
        await page.goto(f"/launchers/{made['id']}")
        builds = page.locator("[sse-swap=builds]")
        await builds.locator("ul").evaluate("list => { list.id = 'mine'; }")
        age = builds.locator("time").first
        await page.clock.run_for(20_000)

        await expect(age).to_have_text(re.compile(r"[2345]\d s ago"))
        # The stream looks every two seconds while a build runs.
        await page.wait_for_timeout(12_000)
        await expect(builds.locator("#mine")).to_be_visible()


@pytest.mark.parametrize("what", ["launcher", "log"])
async def test_a_connection_that_died_without_a_word_is_made_anew(
    api: Api, repo: Repo, what: str
) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    build = (await api.get(f"/environments/{made['environment']['id']}/builds"))[0]
    path = {"launcher": f"/launchers/{made['id']}", "log": f"/builds/{build['id']}"}
    async with people(api) as opened:
        page = await opened.sign_in()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.clock.install()
        async with page.expect_request("**/live/**"):
            await page.goto(path[what])
        asked.clear()
        await page.wait_for_function(OPEN, arg=1)
        # Nothing is heard, for the clock of the page.
        await page.clock.run_for(39_000)
        before = [url for url in asked if "/live/" in url]
        async with page.expect_request("**/live/**"):
            await page.clock.run_for(5_000)
        await expect(page.get_by_text("Connection lost")).to_be_hidden()

        assert before == []
        opened.complaints[:] = [
            text for text in opened.complaints if "[object Event]" not in text
        ]


async def test_each_of_two_streams_is_watched_by_itself(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.clock.install()
        await page.goto(f"/launchers/{made['id']}")
        await page.evaluate(
            """() => {
              window.ended = [];
              const paths = {silent: "/live/launchers", told: "/live/operation"};
              for (const [name, path] of Object.entries(paths)) {
                const stream = htmx.createEventSource(path);
                stream.addEventListener("error", () => { ended.push(name); });
                window[name] = stream;
              }
            }"""
        )
        await page.wait_for_function(OPEN, arg=3)
        # One of them is told something, the later one; the earlier dies without a word.
        for _ in range(3):
            await page.clock.run_for(15_000)
            await page.evaluate("told.dispatchEvent(new Event('alive'))")

        assert await page.evaluate("ended") == ["silent"]
        await page.clock.run_for(1_000)
        await expect(page.get_by_text("Connection lost")).to_be_visible()
        opened.complaints.clear()


async def test_a_lost_connection_is_shown_and_made_good(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto(f"/launchers/{made['id']}")
        status = page.locator("[sse-swap=status]")
        await expect(status.get_by_text("Build in progress")).to_be_visible()
        await page.route("**/live/**", lambda route: route.abort())
        await page.reload()
        await expect(page.get_by_text("Connection lost")).to_be_visible(timeout=SOON)
        api.world.builder.succeed()
        await api.world.settle()
        await page.unroute("**/live/**")

        await expect(status.get_by_text("Build succeeded")).to_be_visible(timeout=SOON)
        await expect(page.get_by_text("Connection lost")).to_be_hidden()
        # That the stream could not be opened is what was ordered; htmx reports it, too.
        ordered = ("/live/", "[object Event]")
        opened.complaints[:] = [
            text
            for text in opened.complaints
            if not any(part in text for part in ordered)
        ]
