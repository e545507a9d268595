"""Commands that refuse empty values, and groups that suggest the nearest command."""

from difflib import get_close_matches

import click

from service.cli.empty_values import refuse_empty_values

__all__ = ["Command", "CommandGroup"]


class Command(click.Command):
    """A command to which nobody gives an empty text by mistake."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line, and refuse what is empty in it."""
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            refuse_empty_values(ctx)
        return rest


class CommandGroup(click.Group):
    """A group that knows its own commands, and those beside it."""

    command_class: type[click.Command] | None = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first word, or suggest the nearest one."""
        word = args[0]
        # Options go on to click, which has suggestions of its own for them; so does a
        # line that a shell completes, of which no error may be printed.
        is_word = not word.startswith("-") and not ctx.resilient_parsing
        if is_word and self.get_command(ctx, word) is None:
            ctx.fail(f"No such command {word!r}.{self._nearest(ctx, word)}")
        return super().resolve_command(ctx, args)

    def _nearest(self, ctx: click.Context, word: str) -> str:
        root = ctx.find_root()
        near = [
            f"{ctx.command_path} {name}"
            for name in get_close_matches(word, self.list_commands(ctx))
        ]
        if isinstance(root.command, click.Group):
            beside = root.command.list_commands(root)
            near += [f"{root.info_name} {name}" for name in beside if name == word]
        if not near:
            return f" `{ctx.command_path} --help` lists them."
        return f" Did you mean {' or '.join(map(repr, near))}?"
