"""`relaunch demo`: the product, shown with real pushes and real builds."""

import asyncio

import click

from service.cli.groups import Command
from service.cli.output.printing import example
from service.domain.delivery import Forge

__all__ = ["demo"]


@click.command(cls=Command, epilog=example("relaunch demo", "relaunch demo --page"))
@click.option(
    "--forge",
    type=click.Choice([item.value for item in Forge]),
    default=next(iter(Forge)).value,
    show_default=True,
    help="In whose format the pushes are sent.",
)
@click.option(
    "--frontend",
    type=click.Choice(["none", "jupyterlab"]),
    default="none",
    show_default=True,
    help="What sessions would show; JupyterLab takes a while longer.",
)
@click.option(
    "--page",
    is_flag=True,
    help="Afterwards keep the service, for its page, until Ctrl-C.",
)
@click.option("--keep", is_flag=True, help="Keep the folder, to inspect it afterwards.")
def demo(*, forge: str, frontend: str, page: bool, keep: bool) -> int:
    """Show what a push does: real pushes, real builds, no forge account.

    It starts a service of its own in a temporary folder, pushes six times to a
    repository made for it, and prints after each push what was decided and why. The
    exit code is 1 when anything went otherwise than it should. It needs git and a
    package index.

    With `--page` its last line is a link that signs in on the page, which shows the
    same.
    """
    from service.cli.demo.runner import run_demo  # noqa: PLC0415 - `--help` needs none of it

    return asyncio.run(run_demo(forge=forge, frontend=frontend, page=page, keep=keep))
