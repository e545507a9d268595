"""The fake's deliveries have every field of captured ones, in the same shape."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.forge.conftest import Stage
from tests.support.forge import HostedRepo, Vendor

BESIDE = Path(__file__).parents[3] / "shared" / "payloads"
FOLDER = Path(os.environ.get("RELAUNCH_PAYLOADS", BESIDE))  # noqa: TID251 - no settings tree in tests
FORGOTTEN = {"$.secret", "$.default_branch"}
"""What Gitea once told, and no longer does."""

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="no captured payloads: set RELAUNCH_PAYLOADS"
)

EVENTS = {
    "push": ("Push Hook", "push"),
    "branch_create": ("Push Hook", "create"),
    "branch_delete": ("Push Hook", "delete"),
    "tag_create": ("Tag Push Hook", "create"),
    "tag_delete": ("Tag Push Hook", "delete"),
}
"""What GitLab and Gitea call each."""


async def do(repo: HostedRepo, what: str) -> None:
    match what:
        case "push":
            await repo.push({"a": "1"})
        case "branch_create":
            await repo.push({"a": "1"}, branch="feature")
        case "branch_delete":
            await repo.push({"a": "1"}, branch="feature")
            await repo.push_refs(":refs/heads/feature")
        case "tag_create":
            repo.work.tag("v1", repo.tip())
            await repo.push_refs("refs/tags/v1")
        case _:
            repo.work.tag("v1", repo.tip())
            await repo.push_refs("refs/tags/v1")
            await repo.push_refs(":refs/tags/v1")


@pytest.mark.parametrize("what", EVENTS)
@pytest.mark.parametrize("vendor", ["gitlab", "gitea"])
async def test_nothing_that_was_captured_is_missing(
    stage: Stage, vendor: Vendor, what: str
) -> None:
    [path] = (FOLDER / vendor).glob(f"*-{what}.json")
    captured = json.loads(path.read_bytes())
    event = EVENTS[what][vendor == "gitea"]
    stage.forge.hooks[0].events += ["create", "delete"]

    await do(stage.repo, what)
    await stage.forge.settled()

    made = [delivery for delivery in stage.forge.deliveries if delivery.event == event][
        -1
    ]
    assert missing(captured, json.loads(made.body)) == []


def missing(captured: Any, made: Any, at: str = "$") -> list[str]:
    """Say where a value is not of the captured one's shape; null is of any."""
    if captured is None or made is None:
        return []
    if type(captured) is not type(made):
        return [f"{at}: {type(made).__name__}, not {type(captured).__name__}"]
    if isinstance(captured, dict):
        gone = {f"{at}.{name}" for name in captured.keys() - made.keys()}
        found = [f"{text} is missing" for text in sorted(gone - FORGOTTEN)]
        for name in captured.keys() & made.keys():
            found += missing(captured[name], made[name], f"{at}.{name}")
        return found
    if isinstance(captured, list) and captured and made:
        return missing(captured[0], made[0], f"{at}[0]")
    return []
