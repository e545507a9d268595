"""Run pip in an environment, and log why it found a package nowhere."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from service.adapters.local.errors import StepFailedError, StoppedError
from service.adapters.local.lines import printable
from service.adapters.local.worker.context import BuildContext
from service.adapters.local.worker.safe_files import read_within, write_anew
from service.build_failures.indexes.unfound import (
    forbids_index,
    has_found_nothing,
    pick_notes,
)

__all__ = ["run_pip"]

_MOST_LOG: Final = 16 * 1024 * 1024
_LONGEST_LOOK: Final = 120.0
"""Seconds; what comes before the package that is nowhere was downloaded already."""


def run_pip(
    context: BuildContext,
    *arguments: str,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Install with the environment's own pip, in the definition's folder.

    Raises:
        StepFailedError: It did not end with 0.
        StoppedError: It exceeded a limit.
    """
    argv = [str(context.python), "-m", "pip", "install", *arguments]
    folder = context.definition.parent
    try:
        context.run(argv, cwd=folder, variables=variables)
    except StepFailedError:
        commands = (*arguments, *context.definition_files.values())
        asks_an_index = not forbids_index(commands)
        if asks_an_index and has_found_nothing(context.transcript.tail):
            _ask_why(context, argv, variables or {})
        raise


def _ask_why(
    context: BuildContext, argv: Sequence[str], variables: Mapping[str, str]
) -> None:
    """Have pip look again, and copy the reason from its own log.

    That an index refused, or was out of order, pip prints nowhere; with `PIP_LOG` from
    the start it would keep back what the builds of packages print.
    """
    context.log("pip found nothing; it looks once more, with a log of its own")
    file = context.foreign.home / "pip.log"
    write_anew(file, "")
    # Also where it takes too much: the build has failed, and why is known already. A
    # cancellation ends the whole worker.
    with suppress(StepFailedError, StoppedError):
        context.run(
            [*argv, "--dry-run"],
            cwd=context.definition.parent,
            variables={**variables, "PIP_LOG": str(file)},
            silent=True,
            seconds=_LONGEST_LOOK,
        )
    for note in pick_notes(context.transcript.tail, _read_lines(context, file)):
        context.log(note)


def _read_lines(context: BuildContext, file: Path) -> list[str]:
    # Code of the repository may have written it, or put a link in its place.
    with suppress(OSError):
        data = read_within(context.scratch, file, most=_MOST_LOG)
        return [printable(line) for line in data.splitlines()]
    return []
