"""Files of this machine are shown to those who read a project that follows them."""

from pathlib import Path
from typing import Any

from service.domain.rights.project import Visibility
from tests.support.api import TOKEN, Api, a_table_bus, serving
from tests.support.repos import Repo
from tests.support.rights import populate
from tests.support.world import a_world


async def look(api: Api, token: str | None, url: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    path = f"/api/data/repository?url={url}"
    return (await api.bare("GET", path, headers=headers)).json


async def test_a_followed_folder_is_nothing_to_those_who_do_not_read_the_project(
    repo: Repo, tmp_path: Path
) -> None:
    async with (
        a_world(tmp_path) as world,
        a_table_bus(tmp_path) as bus,
        serving(world, bus, allows_anonymous=True) as api,
    ):
        made = await populate(world, repo.repository)
        for caller in ("anonymous", "outsider"):
            token = made.tokens[caller]

            shown = await look(api, token, repo.url)

            assert shown == await look(api, token, f"{repo.url}-none"), caller
            assert "metadata" not in shown, caller
        for caller in ("viewer", "admin"):
            shown = await look(api, made.tokens[caller], repo.url)

            assert shown["metadata"]["pull_permission"] is True, caller
            assert shown["metadata"]["visibility"] == "private", caller


async def test_an_unfollowed_folder_is_private_to_the_administrator(
    api: Api, repo: Repo
) -> None:
    shown = await look(api, TOKEN, repo.url)

    assert shown["metadata"]["visibility"] == "private"


async def test_who_reads_a_public_project_reads_that_it_follows_a_folder(
    repo: Repo, tmp_path: Path
) -> None:
    async with (
        a_world(tmp_path) as world,
        a_table_bus(tmp_path) as bus,
        serving(world, bus, allows_anonymous=True) as api,
    ):
        await populate(world, repo.repository, visibility=Visibility.PUBLIC)

        shown = await look(api, None, repo.url)

    assert shown["metadata"]["visibility"] == "private"
