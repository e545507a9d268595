"""The whole command line on one screen.

A command's module is imported when the command is named and not before, so that
`relaunch --help` answers at once.
"""

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

import click

from service.cli.client.wire import UnreachableError
from service.cli.empty_values import refuse_empty_values
from service.cli.output.printing import plain
from service.errors import ServiceError

__all__ = ["COMMANDS", "INTERRUPTED", "RootCommand", "main", "relaunch"]

COMMANDS: Final[Mapping[str, Mapping[str, str]]] = {
    "Start here": {
        "demo": "See it work: real pushes, real builds, no forge account.",
        "dev": "Run the service on this machine.",
        "open": "Open the web page, signed in.",
        "check": "Show a repository's environment, and what is wrong with it.",
    },
    "Several processes": {
        "receive": "Take webhooks and answer the REST API.",
        "api": "Answer the REST API alone.",
        "consume": "Evaluate, build and roll out.",
        "migrate": "Bring the database to this version, or back by one.",
        "rotate-key": "Encrypt secrets at rest with the newest key.",
        "sweep": "Have every repository asked for its head now.",
        "doctor": "Check what builds need, before the first one.",
    },
    "Launchers and hooks": {
        "launcher": "Add, list, change and use launchers.",
        "environment": "Add, list, change and remove global environments.",
        "hook": "Add, list, rotate and remove webhooks.",
        "token": "Add, list and revoke API tokens.",
        "repository": "List, grant and withdraw repositories of projects.",
        "push": "Send what a forge would send for a local repository's last push.",
    },
    "Builds": {
        "rebuild": "Build a launcher's environment now.",
        "builds": "List builds, newest first.",
        "logs": "Show the log of a build.",
        "cancel": "Cancel a build.",
        "pause": "Pause automatic work, in a project or everywhere.",
        "resume": "Resume automatic work.",
    },
    "Understand": {
        "explain": "Explain a delivery, commit, launcher or build.",
        "simulate": "Show what a payload would lead to; nothing is done.",
        "replay": "Push a repository's history once more and compare with git.",
        "deliveries": "List and show what arrived from forges.",
        "events": "Follow everything that happens.",
        "dead-letters": "List, show, requeue and drop messages nobody could handle.",
    },
    "About": {
        "status": "Show whether all is right, and who waits for what.",
        "usage": "Show what holds storage, and what would be removed.",
        "settings": "Print the settings, secrets masked.",
        "version": "Print the version, here and of the service.",
        "completion": "Print a shell's completion script.",
    },
}
"""Every command by section, with the sentence that `--help` shows."""

MODULES: Final = {
    "demo": "demo.command",
    "open": "open_page",
    "dev": "roles.dev",
    "receive": "roles.receive",
    "api": "roles.api",
    "consume": "roles.consume",
    "migrate": "roles.migrate",
    "rotate-key": "roles.rotate_key",
    "sweep": "roles.sweep",
    "launcher": "launchers.commands",
    "hook": "nouns.hooks",
    "push": "pushes.push",
    "simulate": "pushes.simulate",
    "replay": "pushes.replay",
    "rebuild": "nouns.builds",
    "logs": "nouns.builds",
    "cancel": "nouns.builds",
    "environment": "launchers.environments",
    "pause": "launchers.pause",
    "resume": "launchers.pause",
    "dead-letters": "nouns.dead_letters",
    "completion": "completion",
    "status": "status",
}
"""The modules of commands, where they are not `nouns.<command>`."""

ALIASES: Final = {"dead": "dead-letters", "dlq": "dead-letters"}
"""Further names of commands, not shown: what 0.1.0 had, and what others call it."""

INTERRUPTED: Final = 130
"""What shells report for a program that Ctrl-C ended: 128 + SIGINT."""

UNREACHABLE: Final = 3
"""No service answers; usage errors have 2, everything else that fails 1."""


class _NobodyAnswers(click.ClickException):
    exit_code = UNREACHABLE


class RootCommand(click.Group):
    """Finds commands by name, and turns every error into one line and a code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return every command, in the order of the help text."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return the command."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(
            f"service.cli.{MODULES.get(name, f'nouns.{name}')}"
        )
        found = getattr(module, name.replace("-", "_"))
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first word, or suggest the nearest one."""
        word = args[0]
        # Options go on to click, which has suggestions of its own for them.
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            ctx.fail(f"No such command {word!r}.{self._nearest(ctx, word)}")
        return super().resolve_command(ctx, args)

    def _nearest(self, ctx: click.Context, word: str) -> str:
        """Suggest commands of a like name, and groups that have one of just this."""
        names = self.list_commands(ctx)
        near = get_close_matches(word, names)
        groups = (self.get_command(ctx, name) for name in names)
        near += [
            f"{group.name} {word}"
            for group in groups
            if isinstance(group, click.Group) and word in group.commands
        ]
        if not near:
            return " `relaunch --help` lists them."
        *first, last = (repr(text) for text in near)
        return f" Did you mean {', '.join(first)}{' or ' if first else ''}{last}?"

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the sections, without importing a command."""
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(section.items()))

    def invoke(self, ctx: click.Context) -> None:
        """Run a command and leave with its exit code; None is 0."""
        try:
            code: object = super().invoke(ctx)
        except click.Abort:
            # A question that got no, or no answer: scripts have nobody to give one.
            click.echo("nothing was done", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except ServiceError as exc:
            raise _problem(exc) from exc
        # A TaskGroup wraps even a single refusal; the person gets one line all the
        # same.
        except ExceptionGroup as exc:
            raise _problem(_reason(exc)) from exc
        raise click.exceptions.Exit(code if isinstance(code, int) else 0)


def _problem(exc: ServiceError) -> click.ClickException:
    text = plain(str(exc))
    if isinstance(exc, UnreachableError):
        return _NobodyAnswers(text)
    return click.ClickException(text)


def _reason(group: ExceptionGroup[Exception]) -> ServiceError:
    """Return what a group of tasks failed of; anything but our own errors is a bug."""
    first = group.exceptions[0]
    if isinstance(first, ExceptionGroup):
        return _reason(first)
    if not isinstance(first, ServiceError):
        raise group
    return first


@click.group(
    cls=RootCommand,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `relaunch demo`. Every command has an example: "
    "`relaunch COMMAND --help`.",
)
@click.version_option(package_name="relaunch", message="relaunch %(version)s")
@click.option(
    "--url",
    metavar="URL",
    help="The service to talk to; otherwise the one that runs over the data folder "
    "(RELAUNCH_DATA), or else the one in the settings.",
)
@click.pass_context
def relaunch(ctx: click.Context, url: str | None) -> None:
    """A push rebuilds the environment of its launchers, when it really changed."""
    refuse_empty_values(ctx)
    ctx.obj = url


def main() -> None:
    """Run the command line."""
    relaunch(prog_name="relaunch")
