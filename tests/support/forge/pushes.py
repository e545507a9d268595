"""What a push did, told to the hooks by each vendor's rules."""

import fnmatch
import json
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tests.support.forge import (
    gitea_payloads,
    github_payloads,
    gitlab_payloads,
    moves,
)
from tests.support.forge.hooks import Hook
from tests.support.forge.moves import Move
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

GITHUB_TAGS: Final = 3
GITHUB_BRANCHES: Final = 5000
"""More in one push, and GitHub tells of none of them."""


def announce(
    forge: "Forge",
    repo: HostedRepo,
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    pusher: str,
) -> None:
    """Tell the hooks of every ref that moved, as the vendor does."""
    moved = moves.between(before, after)
    match forge.vendor:
        case "github":
            _github(forge, repo, moved, pusher)
        case "gitlab":
            _gitlab(forge, repo, moved, pusher)
        case "gitea":
            _gitea(forge, repo, moved, pusher)


def tell(
    forge: "Forge",
    repo: HostedRepo,
    event: str,
    payload: dict[str, Any],
    *,
    action: str | None = None,
) -> None:
    """Tell every hook that wants an event; all by the same id, as GitHub does."""
    guid = str(uuid.uuid4())
    for hook in forge.hooks.serving(repo.number, repo.owner):
        if hook.is_active and (event in hook.events or "*" in hook.events):
            forge.courier.tell(
                hook, repo.number, event, encode(payload), guid=guid, action=action
            )


def encode(payload: dict[str, Any]) -> bytes:
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _github(forge: "Forge", repo: HostedRepo, moved: list[Move], pusher: str) -> None:
    tags = sum(item.is_tag for item in moved)
    too_many = {True: tags > GITHUB_TAGS, False: len(moved) - tags > GITHUB_BRANCHES}
    for move in moved:
        if too_many[move.is_tag]:
            continue
        payload = github_payloads.push(forge, repo, move, pusher=pusher)
        if payload:
            tell(forge, repo, "push", payload)
        if move.is_created or move.is_deleted:
            event = "create" if move.is_created else "delete"
            more = github_payloads.made_or_gone(forge, repo, move, pusher=pusher)
            tell(forge, repo, event, more)


def _gitlab(forge: "Forge", repo: HostedRepo, moved: list[Move], pusher: str) -> None:
    """Tell of no group (created, removed, moved) that is larger than the limit.

    https://docs.gitlab.com/administration/settings/push_event_activities_limit/
    """
    groups = Counter(map(_group, moved))
    for move in moved:
        if groups[_group(move)] > forge.push_event_hooks_limit:
            continue
        payload = gitlab_payloads.push(forge, repo, move, pusher=pusher)
        if payload is None:
            continue
        body = encode(payload)
        flag = "tag_push_events" if move.is_tag else "push_events"
        event = "Tag Push Hook" if move.is_tag else "Push Hook"
        for hook in forge.hooks.serving(repo.number, repo.owner):
            is_awake = not hook.is_asleep(forge.clock.now())
            if flag in hook.events and is_awake and _passes(hook, move):
                forge.courier.tell(hook, repo.number, event, body)


def _group(move: Move) -> tuple[bool, bool, bool]:
    return move.is_tag, move.is_created, move.is_deleted


def _passes(hook: Hook, move: Move) -> bool:
    wanted = hook.branch_filter
    return move.is_tag or not wanted or fnmatch.fnmatchcase(move.name, wanted)


def _gitea(forge: "Forge", repo: HostedRepo, moved: list[Move], pusher: str) -> None:
    for move in moved:
        payload = gitea_payloads.push(forge, repo, move, pusher=pusher)
        if payload:
            tell(forge, repo, "push", payload)
        if move.is_created or move.is_deleted:
            event = "create" if move.is_created else "delete"
            more = gitea_payloads.made_or_gone(forge, repo, move, pusher=pusher)
            tell(forge, repo, event, more)
