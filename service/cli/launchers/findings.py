"""What a user should know about a launcher's definition, on the terminal."""

import asyncio
from datetime import timedelta
from typing import Final

from service.cli.client import models
from service.cli.client.api import Client
from service.cli.output.printing import echo

__all__ = ["show_findings", "show_first_findings"]

EVALUATED_WITHIN: Final = timedelta(seconds=5)
"""How long a person waits to hear what is wrong with a file; most take one second."""
LOOK_EVERY: Final = timedelta(seconds=0.2)


async def show_first_findings(client: Client, source: str | None) -> None:
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


async def show_findings(client: Client, source: str | None) -> None:
    """Print what the newest evaluation of a source found; nothing before the first."""
    evaluation = await _newest(client, source) if source else None
    if evaluation:
        _print(evaluation)


async def _newest(client: Client, source: str) -> "models.EvaluationResponse | None":
    found = await client.list(
        models.EvaluationResponse, "sources", source, "evaluations", limit=1
    )
    return found[0] if found else None


def _print(evaluation: "models.EvaluationResponse") -> None:
    if evaluation.verdict in {"no_definition", "ref_gone", "unknown"}:
        echo(f"  {evaluation.message}")
    for finding in evaluation.findings:
        line = "" if finding.line is None else f" line {finding.line}"
        where = "" if finding.path is None else f"{finding.path}{line}: "
        echo(f"  {finding.severity}: {where}{finding.message}")
