"""Pages in their other states: empty, refused, full of findings, and with secrets."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import pytest
from playwright.async_api import Locator, Page, expect

from service.domain.building.failure import FailureClass
from tests.browser.people import People, examine, people
from tests.support.api import Api
from tests.support.repos import Repo

pytestmark = pytest.mark.browser

OPEN = """window.acted = performance.now();
document.querySelectorAll('details').forEach(each => each.open = true)"""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a state is shown of."""

    page: Page
    api: Api
    repo: Repo


Show = Callable[[Scene], Awaitable[None]]


async def expect_mistake(field: Locator, why: str) -> None:
    """Expect a field to have the focus, and to say that and why it is wrong."""
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(re.compile(re.escape(why)))


async def no_launchers(scene: Scene) -> None:
    await expect(scene.page.get_by_text("No session launchers yet")).to_be_visible()


async def no_webhooks(scene: Scene) -> None:
    await scene.page.goto("/hooks")
    await expect(scene.page.get_by_text("No webhooks yet")).to_be_visible()


async def nothing_there(scene: Scene) -> None:
    await scene.page.goto("/nowhere")
    await expect(scene.page.get_by_role("heading", name="Not Found")).to_be_visible()


async def a_wrong_token(scene: Scene) -> None:
    await scene.page.get_by_role("button", name="Sign out").click()
    await scene.page.get_by_text("Use a token instead").click()
    await scene.page.get_by_label("Token").fill("wrong")
    await scene.page.get_by_role("button", name="Sign in").click()
    await expect_mistake(scene.page.get_by_label("Token"), "No such token is known")


async def an_address_that_is_none(scene: Scene) -> None:
    await scene.page.goto("/create")
    await scene.page.get_by_label("Code repository").fill("nonsense")
    await scene.page.get_by_role("button", name="Look").click()
    address = scene.page.get_by_label("Code repository")
    await expect_mistake(address, "repository 'nonsense'")


async def findings(scene: Scene) -> None:
    scene.repo.commit(
        {
            "environment.yml": "channels: [defaults]\ndependencies: [numpy]\n",
            "pyproject.toml": "[tool.poetry]\nname = 'x'\n",
        },
        clear=True,
    )
    await scene.page.goto(f"/create?url={scene.repo.url}")
    await expect(scene.page.get_by_role("list", name="Findings")).to_be_visible()


async def everything_open(scene: Scene) -> None:
    await scene.page.goto(f"/create?url={scene.repo.url}")
    await scene.page.evaluate(OPEN)
    await scene.page.get_by_role("button", name="Use the example for Dash").click()
    await expect(scene.page.get_by_label("Command", exact=True)).to_have_value(
        '["bash", "-c"]'
    )
    await expect(scene.page.get_by_label("Args", exact=True)).to_have_value(
        '["gunicorn app:server --bind=0.0.0.0:8888"]'
    )


async def a_form_with_a_mistake(scene: Scene) -> None:
    await scene.page.goto(f"/create?url={scene.repo.url}")
    await scene.page.get_by_text("Advanced").click()
    await scene.page.get_by_label("Command", exact=True).fill("bash -c")
    await scene.page.get_by_role("button", name="Add session launcher").click()
    await expect(scene.page.get_by_role("alert")).to_contain_text("Command")
    field = scene.page.get_by_label("Command", exact=True)
    await expect_mistake(field, "Expected a list of texts in JSON")


async def a_secret(scene: Scene) -> None:
    made = await scene.api.add_launcher(scene.repo.url)
    await scene.page.goto(f"/launchers/{made['id']}/connect")
    await scene.page.get_by_label("Forge").select_option("github")
    await scene.page.get_by_role("button", name="Make the webhook").click()
    await expect(scene.page.get_by_text("Shown this once")).to_be_visible()


async def a_forge_to_choose(scene: Scene) -> None:
    made = await scene.api.add_launcher("https://git.example.org/ada/course")
    await scene.page.goto(f"/launchers/{made['id']}/connect")
    await scene.page.get_by_role("button", name="Make the webhook").click()
    await expect_mistake(scene.page.get_by_label("Forge"), "choose it here")


async def nothing_of_that_name(scene: Scene) -> None:
    await scene.page.goto("/why")
    await scene.page.get_by_label("Commit, launcher").fill("nothing-like-it")
    await scene.page.get_by_role("button", name="Explain").click()
    await expect_mistake(scene.page.get_by_label("Commit, launcher"), "nothing-like-it")


async def two_secrets(scene: Scene) -> None:
    body = {"repository": "https://gitlab.com/ada/course", "paste": True}
    hook = (await scene.api.call("POST", "/hooks", body)).json["id"]
    await scene.page.goto(f"/hooks/{hook}")
    await scene.page.get_by_role("button", name="Rotate the secret").click()
    await scene.page.get_by_role("link", name="To the webhook").click()
    await expect(
        scene.page.get_by_role("link", name="Retire the older secret")
    ).to_be_visible()


async def a_question(scene: Scene) -> None:
    made = await scene.api.add_launcher(scene.repo.url, name="Statistics")
    await scene.page.goto(f"/launchers/{made['id']}")
    await scene.page.get_by_role("link", name="Remove this launcher").click()
    await expect(scene.page.get_by_role("button", name="Remove")).to_be_visible()


async def a_launcher_with_an_offer(scene: Scene) -> None:
    made = await scene.api.add_built_launcher(
        scene.repo.url, name="Offered", update_policy="notify", description="A course."
    )
    scene.repo.commit({"requirements.txt": "six==1.17.0\nattrs\n"})
    await scene.api.world.push(scene.repo.repository)
    await scene.api.world.settle()
    scene.api.world.clock.advance(timedelta(seconds=5))
    await scene.api.world.settle()
    scene.api.world.builder.succeed()
    await scene.api.world.settle()
    await scene.page.goto(f"/launchers/{made['id']}")
    await expect(scene.page.get_by_role("button", name="Update now")).to_be_visible()
    await scene.page.evaluate(OPEN)


async def a_log_that_was_searched(scene: Scene) -> None:
    made = await scene.api.add_launcher(scene.repo.url)
    await scene.api.world.settle()
    build = (await scene.api.get(f"/environments/{made['environment']['id']}/builds"))[
        0
    ]
    await scene.api.log(build["id"], "Cloning", phase="clone")
    await scene.api.log(
        build["id"],
        "\x1b[32mCollecting\x1b[0m \x1b[1;36mtorch\x1b[0m",
        "\x1b[33mWARNING: slow\x1b[0m",
        "ERROR: No matching distribution found for torch",
    )
    scene.api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await scene.api.world.settle()
    await scene.page.goto(f"/builds/{build['id']}")
    await scene.page.get_by_role("link", name="To the line with an error").click()
    await scene.page.get_by_role("link", name="build", exact=True).click()
    await scene.page.get_by_label("Search the log").fill("t")
    await scene.page.get_by_role("button", name="Search").click()
    await expect(scene.page.get_by_text("of build")).to_be_visible()


async def what_is_stored(scene: Scene) -> None:
    await scene.page.goto("/operation/storage")
    await expect(scene.page.get_by_role("heading", name="Storage")).to_be_visible()


STATES: Mapping[str, Show] = {
    show.__name__: show
    for show in (
        no_launchers,
        no_webhooks,
        nothing_there,
        a_wrong_token,
        an_address_that_is_none,
        findings,
        everything_open,
        a_form_with_a_mistake,
        a_secret,
        a_forge_to_choose,
        nothing_of_that_name,
        two_secrets,
        a_question,
        a_launcher_with_an_offer,
        a_log_that_was_searched,
        what_is_stored,
    )
}


@pytest.mark.parametrize("name", STATES)
async def test_a_state_keeps_nobody_out(api: Api, repo: Repo, name: str) -> None:
    async with people(api) as opened:
        page = await opened.sign_in(bypass_csp=True)
        await STATES[name](Scene(page=page, api=api, repo=repo))
        problems: list[str] = []
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            await page.emulate_media(color_scheme=scheme)
            problems += await examine(page, f"state-{name}-{scheme}")
        _forget_what_was_ordered(opened)

    assert problems == []


def _forget_what_was_ordered(opened: People) -> None:
    """The console names every answer that is an error, also those that were wanted."""
    opened.complaints[:] = [
        text for text in opened.complaints if "status of 4" not in text
    ]
