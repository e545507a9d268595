"""Who pays for which library."""

import subprocess
import sys

import pytest

CLIENTS = ("dulwich", "gidgethub", "gitlab", "requests")
PROGRAM = """
import asyncio, sys
from pathlib import Path
from tempfile import mkdtemp
from service.app.roles import receive
from service.app.remotes import open_remotes
from service.adapters.clock import SystemClock
from service.settings import load

async def main():
    settings = load(data=Path(mkdtemp()))
    async with open_remotes(settings, clock=SystemClock()):
        print(*(it for it in {clients} if it in sys.modules))

asyncio.run(main())
"""


@pytest.mark.parametrize("tokens", ["", "github.com=x,gitlab.com=y"])
def test_nobody_imports_the_client_of_a_forge_before_it_is_asked(tokens: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(clients=CLIENTS)],
        env={"RELAUNCH_FORGE_TOKENS": tokens} if tokens else {},
        capture_output=True,
        check=False,
        text=True,
    )

    assert (said.returncode, said.stdout.strip()) == (0, ""), said.stderr
