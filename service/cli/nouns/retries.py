"""`relaunch rebuild --failed`: what failed is asked for again, page by page."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from service.cli.client import models
from service.cli.client.api import Client
from service.cli.output.printing import echo, moment, show_json
from service.errors import InvalidRequestError

__all__ = ["retry_failed"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LENGTH: Final = re.compile(r"(\d{1,6})([smhd])")


async def retry_failed(
    client: Client, *, since: str | None, classes: tuple[str, ...], output: str
) -> None:
    """Ask for everything that failed, and list what that was.

    Raises:
        InvalidRequestError: `since` is no length of time and no instant.
    """
    body: dict[str, object] = {"classes": classes}
    if since is not None:
        now = datetime.now(UTC)  # noqa: TID251 - the person's own clock
        body["since"] = _instant(since, now=now).isoformat()
    answers = await _ask_for_all(client, body)
    if output == "json":
        show_json([each for answer in answers for each in _sent(client, answer)])
        return
    asked = [build for answer in answers for build in answer.requested]
    if not asked:
        echo("No launcher's last build failed so.")
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("LAUNCHER", "FAILED", "WHEN", "BUILD"), [_row(build) for build in asked]
    )
    echo(f"Asked for again: {len(asked)}.")


async def _ask_for_all(
    client: Client, body: dict[str, object]
) -> "list[models.RetriesResponse]":
    """Ask until nothing is left of what matched at first: what fails anew may wait."""
    answer = await client.post(models.RetriesResponse, "builds", "retry", body=body)
    answers, left = [answer], answer.left
    while left > 0:
        answer = await client.post(models.RetriesResponse, "builds", "retry", body=body)
        if not answer.requested:
            break
        answers.append(answer)
        left -= len(answer.requested)
    return answers


def _sent(client: Client, answer: "models.RetriesResponse") -> list[object]:
    sent = client.json_of(answer)
    # The model was read from it, so that the list is there.
    assert isinstance(sent, dict)
    return list(sent["requested"])


def _row(build: "models.RetriedResponse") -> tuple[str, ...]:
    return build.name, build.failure, moment(build.failed_at), build.build_id


def _instant(text: str, *, now: datetime) -> datetime:
    match = _LENGTH.fullmatch(text.strip())
    if match:
        return now - timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(
            f"--since {text!r}: expected how long ago (90s, 15m, 2h, 1d) or an instant "
            "(2026-03-01T12:00:00Z)"
        ) from None
    return found if found.tzinfo else found.astimezone()
