"""Why? The causal record as a picture."""

from datetime import timedelta

from tests.support.api import Api
from tests.support.browsing import Browser
from tests.support.repos import Repo


async def test_a_finding_stands_where_it_came_and_not_at_every_evaluation(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    for version in ("six\nattrs\n", "six\n"):
        repo.commit({"requirements.txt": version})
        await api.world.push(repo.repository)
        await api.world.settle()
        api.world.clock.advance(timedelta(seconds=5))
        await api.world.settle()

    shown = await browser.get(f"/launchers/{made['id']}/why")

    assert shown.text.count("<h3>Evaluation</h3>") >= 3
    picture, _, text = shown.text.partition("The same as text")
    assert picture.count("A requirements.txt is built with Python 3.10") == 1
    assert "A requirements.txt is built with Python 3.10" in text
