from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.commands import relaunch
from tests.cli.standin import StandIn, stand_in

Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as told:
        yield told


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command line in this process, away from this machine's settings."""
    data = tmp_path / "data"

    def call(*words: str, stdin: str | None = None, **env: str) -> Result:
        settings = {
            "RELAUNCH_DATA": str(data),
            "RELAUNCH_LISTEN": "127.0.0.1:9",
            "RELAUNCH_TOKEN": "t0ken-of-the-tests",
            "NO_COLOR": "1",
        }
        runner = CliRunner(env=settings | env)
        return runner.invoke(relaunch, words, input=stdin, prog_name="relaunch")

    return call
