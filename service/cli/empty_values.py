"""Refuse a value that is empty, which is a variable of a script that is not set.

`relaunch pause --project "$PROJECT"` would pause everything, not one project: an
empty text reads like an option that nobody gave.
"""

from collections.abc import Iterable
from typing import Final

import click
from click.core import ParameterSource

__all__ = ["MAY_BE_EMPTY", "refuse_empty_values"]

MAY_BE_EMPTY: Final = frozenset(
    {
        # An empty text takes back what a launcher or an environment has.
        "revision",
        "context_dir",
        "description",
        "default_url",
        # Words of a program that somebody else wrote, which may mean something.
        "command",
        "args",
        "reason",
        # The shell's variable of this name may be set to nothing.
        "secret",
    }
)
"""Parameters for which an empty text has a meaning of its own."""


def refuse_empty_values(ctx: click.Context) -> None:
    """Raise a usage error for a parameter that was given an empty text.

    Raises:
        click.BadParameter: One of them is empty, and may not be.
    """
    for param in ctx.command.params:
        name = param.name or ""
        is_given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if is_given and name not in MAY_BE_EMPTY and _is_empty(ctx.params.get(name)):
            raise click.BadParameter(
                "it is empty; expected a text (is a variable of the shell not set?)",
                ctx=ctx,
                param=param,
            )


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, Iterable) and any(_is_empty(item) for item in value)
