"""An upstream Renku that is set up wrongly is one sentence that names the setting."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.renku.builder import RenkuBuilder
from service.app.builders import builder_name, make_builder
from service.app.doctor.settings_checks import check_settings
from service.app.doctor.wiring import examine
from service.app.engines import open_engines
from service.app.required_settings import lacking_settings
from service.app.upstream.renku import check_upstream
from service.domain.building.build import EnvironmentId
from service.domain.diagnosis import CheckStatus
from service.errors import InvalidRequestError
from service.settings import load
from tests.support.renku import CLIENT, CLIENT_SECRET, Renku, a_renku
from tests.support.values import a_launcher, a_source

SIGNED_IN = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}


@pytest.fixture
async def renku() -> AsyncIterator[Renku]:
    async with a_renku() as renku:
        renku.add_project()
        yield renku


async def refused(folder: Path, url: str, **renku: Any) -> str:
    given = {"projects": "ada/course", **SIGNED_IN, **renku}
    settings = load(data=folder, launchers=f"renku+{url}", renku=given)
    async with open_engines(settings) as engines:
        with pytest.raises(InvalidRequestError) as wrong:
            await check_upstream(settings, engines)
    return str(wrong.value)


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        (
            {"projects": "ada/nobodys"},
            "RELAUNCH_RENKU_PROJECTS: the project 'ada/nobod",
        ),
        ({"projects": "0" * 26}, "RELAUNCH_RENKU_PROJECTS"),
        ({"client_secret": "wrong-secret"}, "RELAUNCH_RENKU_CLIENT_SECRET"),
        ({"refresh_token": "spent-token"}, "RELAUNCH_RENKU_REFRESH_TOKEN"),
        ({"token": "unknown-token"}, "RELAUNCH_RENKU_TOKEN"),
    ],
)
async def test_a_wrong_value_is_named(
    tmp_path: Path, renku: Renku, given: dict[str, str], setting: str
) -> None:
    sentence = await refused(tmp_path, renku.url, **given)

    assert sentence.startswith("settings: RELAUNCH_RENKU_")
    assert setting in sentence
    assert "\n" not in sentence
    assert not any(
        secret in sentence for name, secret in given.items() if name != "projects"
    )


async def test_another_web_site_is_no_renku(tmp_path: Path) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>welcome</html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with TestServer(app) as server:
        url = str(server.make_url("/")).rstrip("/")
        sentence = await refused(tmp_path, url, token="some-token", client_id=None)

    assert sentence.startswith(f"settings: RELAUNCH_LAUNCHERS: {url} is no Renku")


async def test_nobody_at_the_first_start_is_a_wrong_url(tmp_path: Path) -> None:
    sentence = await refused(tmp_path, "http://127.0.0.1:1", token="some-token")

    assert sentence.startswith("settings: RELAUNCH_LAUNCHERS: http://127.0.0.1:1 does")


async def test_an_outage_keeps_nobody_from_starting_again(
    tmp_path: Path, renku: Renku
) -> None:
    settings = load(
        data=tmp_path,
        launchers=f"renku+{renku.url}",
        renku={"projects": "ada/course", **SIGNED_IN},
    )
    async with open_engines(settings) as engines:
        async with engines.store.transaction() as tx:
            await tx.sources.find_or_add(a_source())
            await tx.launchers.add(a_launcher())
        renku.is_away = True

        await check_upstream(settings, engines)


async def test_what_is_right_starts_with_renkus_builder(
    tmp_path: Path, renku: Renku
) -> None:
    settings = load(
        data=tmp_path,
        launchers=f"renku+{renku.url}/",
        renku={"projects": "ada/course", **SIGNED_IN},
    )
    async with open_engines(settings) as engines:
        await check_upstream(settings, engines)
        builder, name = make_builder(settings, engines), builder_name(settings)

    assert isinstance(builder, RenkuBuilder)
    assert name.identity(frontend="none") == builder.identity(frontend="none")
    environment = EnvironmentId("E")
    assert name.scope("P", environment) == builder.scope("P", environment) == "E"


@pytest.mark.parametrize(
    "value",
    [
        "https://renku.test",
        "renku+ftp://renku.test",
        "renku+http://renku.test",
        "renku+https://ada:pass-word@renku.test",
        "renku+https://",
    ],
)
def test_a_url_that_is_none_is_refused_without_its_password(
    tmp_path: Path, value: str
) -> None:
    with pytest.raises(InvalidRequestError, match="RELAUNCH_LAUNCHERS") as wrong:
        load(data=tmp_path, launchers=value)

    assert "pass-word" not in str(wrong.value)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, ["RELAUNCH_RENKU_PROJECTS", "RELAUNCH_RENKU_REFRESH_TOKEN"]),
        ({"projects": "a/b", "client_id": "c"}, ["RELAUNCH_RENKU_CLIENT_SECRET"]),
        ({"projects": "a/b", "refresh_token": "r"}, ["RELAUNCH_RENKU_CLIENT_ID"]),
        (
            {"projects": "a/b", "refresh_token": "r", "token": "t"},
            ["are both set"],
        ),
        ({"projects": "a/b", "token": "t"}, []),
    ],
)
def test_what_lacks_is_named(
    tmp_path: Path, given: dict[str, str], named: list[str]
) -> None:
    settings = load(data=tmp_path, launchers="renku+https://renku.test", renku=given)

    lacking = lacking_settings(settings, role="dev")

    assert len(lacking) == len(named)
    for sentence, setting in zip(lacking, named, strict=True):
        assert setting in sentence


@pytest.mark.parametrize(
    ("secret", "status", "seen"),
    [
        (CLIENT_SECRET, CheckStatus.OK, "its projects ada/course are there"),
        ("wrong-secret", CheckStatus.FAILED, "RELAUNCH_RENKU_CLIENT_SECRET"),
    ],
)
async def test_the_doctor_asks_renku(
    tmp_path: Path, renku: Renku, secret: str, status: CheckStatus, seen: str
) -> None:
    given = {"projects": "ada/course", "client_id": CLIENT, "client_secret": secret}
    settings = load(data=tmp_path, launchers=f"renku+{renku.url}", renku=given)

    results = await examine(settings)

    (found,) = [result for result in results if result.subject == "renku"]
    assert found.status is status
    assert seen in found.seen


async def test_the_doctor_takes_no_refresh_token_from_the_service(
    tmp_path: Path, renku: Renku
) -> None:
    refresh = renku.accounts.new_refresh()
    given = {"projects": "ada/course", "client_id": CLIENT, "refresh_token": refresh}
    settings = load(data=tmp_path, launchers=f"renku+{renku.url}", renku=given)

    async def statuses() -> list[CheckStatus]:
        results = await examine(settings)
        return [result.status for result in results if result.subject == "renku"]

    before = await statuses()
    async with open_engines(settings) as engines:
        await check_upstream(settings, engines)
        beside = await statuses()
    after = await statuses()
    renku.accounts.valid.clear()
    async with open_engines(settings) as engines:
        await check_upstream(settings, engines)

    assert [before, beside, after] == [
        [CheckStatus.WARNING],
        [CheckStatus.WARNING],
        [CheckStatus.OK],
    ]


async def test_the_doctor_names_what_lacks(tmp_path: Path) -> None:
    settings = load(data=tmp_path, launchers="renku+https://renku.test")

    failed = [
        result
        for result in check_settings(settings)
        if result.status is CheckStatus.FAILED
    ]

    assert len(failed) == 2
    assert {result.advice for result in failed} == {"docs/renku.md, Settings"}
