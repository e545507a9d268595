"""Lines of a page, run as an operator's shell does."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scripts.docs import ROOT
from service.adapters.git.command import feed

__all__ = ["path_of_tools", "run", "run_with", "settings_in"]


def path_of_tools() -> str:
    """Return where programs are found: ours before the machine's."""
    return f"{ROOT}/.venv/bin:{os.environ['PATH']}"  # noqa: TID251


async def run(script: str, folder: Path, **variables: str) -> str:
    """Run lines in a folder, which is home, with variables; return what they print."""
    return await run_with(script, folder, variables)


async def run_with(
    script: str,
    folder: Path,
    variables: Mapping[str, str],
    *,
    typed: str = "",
    host: Sequence[str] = (),
) -> str:
    """Run lines in a folder; return what they print.

    Args:
        script: The lines; the first that fails ends it.
        folder: Where, and the home of whoever types.
        variables: What the shell has exported.
        typed: The answers to its questions.
        host: What a command begins with that runs on another host.
    """
    program = await asyncio.create_subprocess_exec(
        *host,
        "bash",
        "--norc",  # read where the input is a socket, as that of uvloop is
        "-euo",
        "pipefail",
        "-c",
        script,
        cwd=folder,
        env={"PATH": path_of_tools(), "HOME": str(folder), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        assert program.stdin is not None
        feed(program.stdin, typed.encode())
        said, _ = await program.communicate()
    finally:
        # Who gives up ends what goes on, and all that it started.
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGTERM)
    assert program.returncode == 0, f"{script}\n{said.decode()}"
    return said.decode()


def settings_in(block: str) -> dict[str, str]:
    """Return the variables that lines of a block set, without their comments."""
    pairs = (line.partition(" #")[0].partition("=") for line in block.splitlines())
    return {name: value.strip() for name, _, value in pairs}
