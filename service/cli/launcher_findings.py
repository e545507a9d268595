"""What a user should know about a launcher's definition, on the terminal."""

import asyncio
from datetime import timedelta
from typing import Final

from service.cli.answer import Answer
from service.cli.client import Client
from service.cli.output import say

__all__ = ["show_findings", "show_first_findings"]

EVALUATED_WITHIN: Final = timedelta(seconds=5)
"""How long a person waits to hear what is wrong with a file; most take one second."""
LOOK_EVERY: Final = timedelta(seconds=0.2)


async def show_first_findings(client: Client, source: str) -> None:
    """Print what the first evaluation of a source found, if it ends soon."""
    until = asyncio.get_running_loop().time() + EVALUATED_WITHIN.total_seconds()
    while not (evaluation := await _newest(client, source)):
        if asyncio.get_running_loop().time() > until:
            say("The repository is still being read; `relaunch explain` says more.")
            return
        await asyncio.sleep(LOOK_EVERY.total_seconds())
    _print(evaluation)


async def show_findings(client: Client, source: str) -> None:
    """Print what the newest evaluation of a source found; nothing before the first."""
    evaluation = await _newest(client, source)
    if evaluation:
        _print(evaluation)


async def _newest(client: Client, source: str) -> Answer | None:
    found = await client.list("sources", source, "evaluations", limit=1)
    return found[0] if found else None


def _print(evaluation: Answer) -> None:
    if evaluation.text("verdict") in {"no_definition", "ref_gone", "unknown"}:
        say(f"  {evaluation.text('message')}")
    for finding in evaluation.each("findings"):
        line = f" line {finding.text('line')}" if finding.has("line") else ""
        where = f"{finding.text('path')}{line}: " if finding.has("path") else ""
        say(f"  {finding.text('severity')}: {where}{finding.text('message')}")
