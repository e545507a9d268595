"""`relaunch completion`: what makes a shell complete our commands."""

import click
from click.shell_completion import get_completion_class

from service.cli.groups import Command
from service.cli.output.printing import example

__all__ = ["completion"]


@click.command(
    cls=Command,
    epilog=example(
        "source <(relaunch completion bash)",
        "relaunch completion fish > ~/.config/fish/completions/relaunch.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print a shell's completion script."""
    found = get_completion_class(shell)
    assert found is not None
    root = ctx.find_root().command
    click.echo(found(root, {}, "relaunch", "_RELAUNCH_COMPLETE").source())
