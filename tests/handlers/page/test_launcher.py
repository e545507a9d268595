"""The page of a launcher, of its builds, and why they were made or not."""

import re
from datetime import timedelta

import pytest

from handlers.page.ansi import is_error, to_markup, to_plain
from service.domain.building.failure import FailureClass
from tests.support.api import Api
from tests.support.browsing import Browser, Shown, browsing
from tests.support.repos import Repo
from tests.support.rights import populate

HOSTILE = "<script>alert(1)</script>"


async def pushed(api: Api, repo: Repo) -> None:
    """Tell of a push, and wait until it is evaluated."""
    await api.world.push(repo.repository)
    await api.world.settle()
    api.world.clock.advance(timedelta(seconds=5))
    await api.world.settle()


async def test_a_launcher_shows_its_image_and_its_builds(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)

    shown = await browser.get(f"/launchers/{made['id']}")

    assert "Build succeeded" in shown.text
    assert "requirements.txt" in shown.text
    assert "because of a new launcher" in shown.text
    assert made["name"] not in shown.text.partition("</title>")[0]


async def test_a_person_rebuilds_and_cancels(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    page = f"/launchers/{made['id']}"

    asked = await browser.post(f"{page}/rebuild")
    again = await browser.post(f"{page}/rebuild")
    during = await browser.get(page)
    await browser.post(f"{page}/cancel")
    after = await browser.get(page)

    assert (asked.status, asked.location) == (303, page)
    assert again.status == 409
    assert "Cancel build" in during.text
    assert "Build cancelled" in after.text
    assert "Only an older image available" in after.text


async def test_an_offered_image_is_taken_by_a_button(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url, update_policy="notify")
    page = f"/launchers/{made['id']}"
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await pushed(api, repo)
    if api.world.builder.running:
        api.world.builder.succeed()
    await api.world.settle()
    before = await browser.get(page)

    await browser.post(f"{page}/update")

    assert "Update now" in before.text
    # What is newer is no way back.
    assert ">offered<" in before.text
    assert "Roll back" not in before.text
    assert "Update available" in before.text
    after = (await browser.get(page)).text
    assert "Update now" not in after
    assert "Roll back" in after


async def test_a_launcher_is_pinned_and_rolled_back(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    page = f"/launchers/{made['id']}"
    await browser.post(f"{page}/rebuild")
    await api.world.settle()
    api.world.builder.succeed()
    await api.world.settle()
    second = (await api.get(f"/session_launchers/{made['id']}"))["environment"]

    await browser.post(f"{page}/roll-back")
    third = (await api.get(f"/session_launchers/{made['id']}"))["environment"]
    pinned = await browser.get(page)
    await browser.post(f"{page}/unpin")

    assert second["container_image"] != third["container_image"]
    assert ">pinned<" in pinned.text
    assert ">pinned<" not in (await browser.get(page)).text


async def test_a_failed_build_says_why_and_shows_its_log(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    builds = await api.get(f"/environments/{made['environment']['id']}/builds")
    build = builds[0]["id"]
    await api.log(build, "fine", f"\x1b[31mERROR: no {HOSTILE}\x1b[0m")
    api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await api.world.settle()

    page = await browser.get(f"/builds/{build}")
    found = await browser.get(f"/builds/{build}?q=error")
    saved = await browser.get(f"/builds/{build}/log.txt")

    assert "no_such_package" in page.text
    assert 'class="is-error"' in page.text
    assert '<span class="c1">ERROR: no &lt;script&gt;' in page.text
    assert "<script>alert" not in page.text
    assert "1 of 2 lines" in found.text
    assert saved.text == f"build: fine\nbuild: ERROR: no {HOSTILE}\n"
    assert "attachment" in saved.headers["Content-Disposition"]


async def test_a_log_is_read_by_phase(api: Api, browser: Browser, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    builds = await api.get(f"/environments/{made['environment']['id']}/builds")
    page = f"/builds/{builds[0]['id']}"
    await api.log(builds[0]["id"], "one", phase="clone")
    await api.log(builds[0]["id"], "two", "error: three", phase="a&b")

    whole = await browser.get(page)
    part = await browser.get(f"{page}?phase=a%26b")
    found = await browser.get(f"{page}?phase=a%26b&q=o")

    assert 'href="?phase=a%26b"' in whole.text
    assert "data-stream" in whole.text
    lines = re.findall('class="text">([^<]+)<', part.text)
    assert lines == ["two", "error: three"]
    # What goes on is of other phases, too.
    assert "data-stream" not in part.text
    assert 'href="#line-3"' in part.text
    assert "2 of 3 lines hold" in found.text


async def test_a_long_log_is_read_from_its_end_in_pages_that_stay_small(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    builds = await api.get(f"/environments/{made['environment']['id']}/builds")
    page = f"/builds/{builds[0]['id']}"
    await api.log(builds[0]["id"], *(f"{number} {'x' * 200}" for number in range(900)))
    await api.log(builds[0]["id"], "W" * 8000, *map(str, range(900, 2000)), phase="a&b")

    end = await browser.get(page)
    parts = [shown_numbers(end)]
    while before := re.search(r'href="(\?before=\d+)"', end.text):
        end = await browser.get(page + before[1])
        parts.insert(0, shown_numbers(end))
        assert len(end.text) < 75_000
        # What comes is behind the end, which is elsewhere.
        assert "data-stream" not in end.text
        assert 'href="?">To the end of the log' in end.text
    found = await browser.get(f"{page}?q=1&phase=a%26b")

    assert [each for part in parts for each in part] == list(range(2000))
    assert "of 2001 lines hold" in found.text
    assert re.search(r'href="\?before=\d+&amp;phase=a%26b&amp;q=1"', found.text)
    wild = await browser.get(f"{page}?before={'9' * 400}")
    assert wild.status == 200


def shown_numbers(page: Shown) -> list[int]:
    lines = re.findall('class="text">([^<]+)<', page.text)
    return [int(line.split()[0]) for line in lines if line[0].isdecimal()]


async def test_how_much_an_image_has_grown_is_shown(
    api: Api, browser: Browser, repo: Repo
) -> None:
    api.world.builder.size = 412_000_000
    made = await api.add_built_launcher(repo.url)
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await pushed(api, repo)
    api.world.builder.size = 447_000_000
    api.world.builder.succeed()
    await api.world.settle()

    shown = await browser.get(f"/launchers/{made['id']}")

    assert "447 MB" in shown.text
    assert "35 MB more than before" in shown.text


async def test_the_log_of_a_running_build_goes_on_where_it_was_cut(
    live: Api, repo: Repo
) -> None:
    made = await live.add_launcher(repo.url)
    await live.world.settle()
    build = (await live.get(f"/environments/{made['environment']['id']}/builds"))[0]
    await live.log(build["id"], "one", "two", "three")
    async with browsing(live) as browser:
        await browser.sign_in()
        path = f"/live/builds/{build['id']}/log"
        async with browser.stream(path) as lines:
            first = await anext(lines)
        async with browser.stream(path, after=first.id) as lines:
            second = await anext(lines)
            third = await anext(lines)
            live.world.builder.succeed()
            await live.world.settle()
            end = await anext(lines)

    assert '"one"' in first.data
    assert '"two"' in second.data
    assert '"three"' in third.data
    assert (end.name, end.data) == ("end", "succeeded")


async def test_why_shows_what_was_not_rebuilt_with_its_reason(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    repo.commit({"README.md": "Another word\n"})
    await pushed(api, repo)

    shown = await browser.get(f"/launchers/{made['id']}/why")
    asked = await browser.get("/why?of=course")

    assert "not rebuilt" in shown.text
    assert "Build succeeded" in shown.text
    assert "not rebuilt" in asked.text
    assert (await browser.get("/why?of=nothing-like-it")).status == 404


async def test_a_change_that_a_person_holds_back_is_said_to_be_held_back(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    await browser.post(f"/launchers/{made['id']}/pin")
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await pushed(api, repo)

    shown = await browser.get(f"/launchers/{made['id']}/why")

    node = shown.text.partition("not rebuilt")[2].partition("</li>")[0]
    assert "a person pinned it" in node
    assert "definition changed" not in node


async def test_what_is_asked_for_is_sent_and_its_answer_is_in_the_form(
    browser: Browser, api: Api, repo: Repo
) -> None:
    await api.add_built_launcher(repo.url)
    asked = await browser.get("/why")
    found = await browser.post("/why", {"of": "course"})
    missed = await browser.post("/why", {"of": "nothing-like-it"})

    assert 'method="post" action="/why"' in asked.text
    assert (found.status, "Build succeeded" in found.text) == (200, True)
    assert missed.status == 404
    assert 'value="nothing-like-it"' in missed.text
    assert 'aria-describedby="of-error of-hint"' in missed.text


async def test_a_viewer_sees_and_changes_nothing(api: Api, repo: Repo) -> None:
    made = await populate(api.world, repo.repository)
    launcher, build = made.ids["launcher_id"], made.ids["build_id"]
    for role, status in {"viewer": 404, "editor": 303}.items():
        token = made.tokens[role]
        assert token
        async with browsing(api) as person:
            await person.sign_in(token)
            page = await person.get(f"/launchers/{launcher}")
            log = await person.get(f"/builds/{build}")
            asked = await person.post(f"/launchers/{launcher}/cancel")

        assert (page.status, log.status, asked.status) == (200, 200, status)
        assert ("Remove this launcher" in page.text) is (role == "editor")


@pytest.mark.parametrize(
    ("text", "markup", "plain"),
    [
        ("plain <b>", "plain &lt;b&gt;", "plain <b>"),
        (
            "\x1b[1;32mok\x1b[0m.",
            '<span class="strong c2">ok</span>.',
            "ok.",
        ),
        ("\x1b[38;5;200mx", "x", "x"),
        ("a\x1b[2Kb\x07c\x1b]0;title", "ab" + "c]0;title", "abc]0;title"),
        ("\x1b[31m<i>", '<span class="c1">&lt;i&gt;</span>', "<i>"),
    ],
)
def test_colours_become_classes_and_nothing_else(
    text: str, markup: str, plain: str
) -> None:
    assert str(to_markup(text)) == markup
    assert to_plain(text) == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERROR: Could not find a version", True),
        ("\x1b[31merror\x1b[0m: nope", True),
        ("ModuleNotFoundError: No module", True),
        ("  error[E0308]", True),
        ("0 errors", False),
        ("Collecting errorhandler", False),
    ],
)
def test_lines_that_read_like_errors_are_marked(*, text: str, expected: bool) -> None:
    assert is_error(text) is expected
