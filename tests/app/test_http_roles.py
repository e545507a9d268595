"""Webhooks and the REST API are served by processes of their own."""

import asyncio
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from service.adapters.address_file import find_address
from tests.support.databases import TEST_KEY, migrated_schema
from tests.support.service import Service


class WebhooksOnly(Service):
    """`relaunch receive --webhooks-only`, which needs no token."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            name: text
            for name, text in super().environment.items()
            if name != "RELAUNCH_TOKEN"
        }


def status(url: str, method: str = "GET") -> int:
    data = b"{}" if method == "POST" else None
    asked = urllib.request.Request(url, method=method, data=data)  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - ours
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code


@pytest.mark.postgresql
async def test_webhooks_and_the_api_are_served_apart(tmp_path: Path) -> None:
    async with migrated_schema() as database:
        shared = {"RELAUNCH_DATABASE": database, "RELAUNCH_SECRET_KEY": TEST_KEY}
        api = Service(tmp_path / "a", role="api", RELAUNCH_TOKEN="t", **shared)
        receiver = WebhooksOnly(
            tmp_path / "r", role="receive --webhooks-only", **shared
        )
        api.start()
        receiver.start()
        try:
            seen = await asyncio.to_thread(statuses, api, receiver)
            found = find_address(tmp_path / "a"), find_address(tmp_path / "r")
        finally:
            receiver.stop()
            api.stop()

    assert seen == {"api": (404, 200, 200), "receiver": (401, 404, 200)}
    assert found == (api.url, None)


def statuses(api: Service, receiver: Service) -> dict[str, tuple[int, ...]]:
    return {
        name: (
            status(f"{served.url}/webhooks/github/none", "POST"),
            status(f"{served.url}/api/spec.json"),
            status(f"{served.url}/readyz"),
        )
        for name, served in (("api", api), ("receiver", receiver))
    }
