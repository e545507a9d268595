"""`relaunch replay`: a history, pushed once more and judged push by push."""

import asyncio

import click

from service.cli.groups import Command
from service.cli.output.printing import example, output_option

__all__ = ["replay"]


@click.command(
    cls=Command,
    epilog=example(
        "relaunch replay .",
        "relaunch replay https://github.com/me/course --from v1 --to v2 -o json",
    ),
)
@click.argument("repo", metavar="REPO")
@click.option(
    "--from",
    "start",
    metavar="REV",
    help="What is known before the first push; the first commit when not given.",
)
@click.option(
    "--to", "end", metavar="REV", help="The last push; the newest when not given."
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="How many commits make one push.",
)
@click.option(
    "--all",
    "is_all",
    is_flag=True,
    help="Push the commits of merged branches too, not only the first parents.",
)
@click.option(
    "--context-dir",
    default="",
    metavar="DIR",
    help="The folder of the definition, if not the root.",
)
@output_option
def replay(
    *,
    repo: str,
    start: str | None,
    end: str | None,
    every: int,
    is_all: bool,
    context_dir: str,
    output: str,
) -> int:
    """Push the history of REPO once more and compare what is done with what git says.

    REPO is a folder or a URL; neither it nor a service is touched. Every push is
    read over plain git and compared as the service would. The exit code is 1 when
    a change was missed or a rebuild was needless.
    """
    # Most of the service is needed to judge, and nothing of it to say how.
    from service.cli.pushes.replay_report import ReplayOptions, run_replay  # noqa: PLC0415

    options = ReplayOptions(
        where=repo,
        start=start,
        end=end,
        every=every,
        is_all=is_all,
        context_dir=context_dir.strip("/").removeprefix("./"),
    )
    return asyncio.run(run_replay(options, is_json=output == "json"))
