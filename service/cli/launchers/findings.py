"""What a user should know about a launcher's definition, on the terminal."""

import asyncio
from datetime import timedelta
from typing import Final

from service.cli.client.api import Client
from service.cli.client.fields import ResponseFields
from service.cli.output.printing import echo

__all__ = ["show_findings", "show_first_findings"]

EVALUATED_WITHIN: Final = timedelta(seconds=5)
"""How long a person waits to hear what is wrong with a file; most take one second."""
LOOK_EVERY: Final = timedelta(seconds=0.2)


async def show_first_findings(client: Client, source: str) -> None:
    """Print what the first evaluation of a source found, if it ends soon.

    Launchers of ready images follow no source; nothing is printed for them.
    """
    if not source:
        return
    until = asyncio.get_running_loop().time() + EVALUATED_WITHIN.total_seconds()
    while not (evaluation := await _newest(client, source)):
        if asyncio.get_running_loop().time() > until:
            echo("The repository is still being read; `relaunch explain` says more.")
            return
        await asyncio.sleep(LOOK_EVERY.total_seconds())
    _print(evaluation)


async def show_findings(client: Client, source: str) -> None:
    """Print what the newest evaluation of a source found; nothing before the first."""
    evaluation = await _newest(client, source) if source else None
    if evaluation:
        _print(evaluation)


async def _newest(client: Client, source: str) -> ResponseFields | None:
    found = await client.list("sources", source, "evaluations", limit=1)
    return found[0] if found else None


def _print(evaluation: ResponseFields) -> None:
    if evaluation.text("verdict") in {"no_definition", "ref_gone", "unknown"}:
        echo(f"  {evaluation.text('message')}")
    for finding in evaluation.each("findings"):
        line = f" line {finding.text('line')}" if finding.has("line") else ""
        where = f"{finding.text('path')}{line}: " if finding.has("path") else ""
        echo(f"  {finding.text('severity')}: {where}{finding.text('message')}")
