"""`relaunch doctor`: what the settings need is there, before the first build."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example, output_option, show_json
from service.domain.diagnosis import CheckResult, CheckStatus, has_failed
from service.errors import InvalidRequestError

__all__ = ["doctor"]


@click.command(
    cls=Command,
    epilog=example(
        "relaunch doctor",
        "RELAUNCH_KUBERNETES_KUBECONFIG=~/.kube/config relaunch doctor "
        "--account relaunch-consumer",
    ),
)
@click.option(
    "--account",
    metavar="[NAMESPACE:]NAME",
    default="",
    help="Ask for the rights of this service account, not for those of the caller.",
)
@output_option
def doctor(*, account: str, output: str) -> int:
    """Check what builds need: settings, cluster, registries, database, bus, forges.

    Nothing is made or changed, and no service is needed. The settings are those of
    `relaunch consume`. The exit code is 1 when something has failed.
    """
    found = asyncio.run(_examine(account))
    if output == "json":
        show_json([_to_json(result) for result in found])
    else:
        _show(found)
    return 1 if has_failed(found) else 0


async def _examine(account: str) -> Sequence[CheckResult]:
    # The service imports more than any other command needs.
    from service.app.doctor.wiring import examine  # noqa: PLC0415
    from service.logs import silence_libraries  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    # This command has no log, and Python prints what a library logs without one.
    silence_libraries()

    try:
        settings = load()
    except InvalidRequestError as exc:
        first, *others = str(exc).removeprefix("settings: ").splitlines()
        problems = [text.strip() for text in others] or [first]
        return [CheckResult.failed("settings", problem) for problem in problems]
    return await examine(settings, account=account)


def _show(found: Sequence[CheckResult]) -> None:
    from service.cli.output.tables import echo_styled, style_of  # noqa: PLC0415

    width = max(len(check_status.value) for check_status in CheckStatus)
    for result in found:
        word = result.status.value
        subject = f"{result.subject}: " if result.subject else ""
        style = style_of(word)
        seen = " ".join(result.seen.split())
        echo_styled((f"{word:<{width}}", style), f"  {subject}{seen}")
        if result.advice:
            echo(f"{'':<{width}}  → {result.advice}")
    counts = Counter(result.status for result in found)
    echo()
    echo(", ".join(f"{counts[status]} {status.value}" for status in CheckStatus))


def _to_json(result: CheckResult) -> dict[str, str | None]:
    return {
        "subject": result.subject,
        "status": result.status.value,
        "seen": result.seen,
        "advice": result.advice or None,
    }
