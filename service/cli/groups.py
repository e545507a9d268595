"""Groups of commands, which suggest what a misspelt one may have been."""

from difflib import get_close_matches

import click

__all__ = ["CommandGroup"]


class CommandGroup(click.Group):
    """A group that knows its own commands, and those beside it."""

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
