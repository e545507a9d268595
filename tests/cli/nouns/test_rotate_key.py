"""`relaunch rotate-key`: secrets at rest under the newest key."""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

from service.adapters.store import SqlStore
from service.domain.hook import Secret
from tests.cli.conftest import Run
from tests.cli.repositories import QUIET
from tests.support.databases import a_key, sqlite_database
from tests.support.deliveries import a_hook

LOST = ("rotate-key", "--lost")


def test_where_nothing_is_encrypted_there_is_nothing_to_do(run: Run) -> None:
    run("migrate")

    done = run("rotate-key")

    assert (done.exit_code, done.output) == (
        0,
        "encrypted 0 rows anew; the newest key reads everything now\n",
    )


def test_a_key_that_is_none_is_refused_without_being_shown(run: Run) -> None:
    run("migrate")

    done = run("rotate-key", RELAUNCH_SECRET_KEY=f"hunter2,{a_key().reveal()}")

    assert done.exit_code == 1
    assert "URL-safe base64" in done.output
    assert "hunter2" not in done.output


async def fill(path: Path, key: Secret) -> None:
    async with (
        sqlite_database(path, keys=[key]) as database,
        SqlStore(database).transaction() as tx,
    ):
        await tx.hooks.add(a_hook())


def answer(path: Path, key: Secret, text: str) -> str:
    """Run it in a terminal, answer, and return what it printed."""
    ours, theirs = pty.openpty()
    os.write(ours, text.encode())
    settings = {
        "RELAUNCH_DATABASE": f"sqlite:///{path}",
        "RELAUNCH_SECRET_KEY": key.reveal(),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", *LOST],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=QUIET | settings,
            check=False,
            text=True,
            timeout=60,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    return done.stdout


def test_nothing_is_replaced_that_nobody_agreed_to(run: Run, tmp_path: Path) -> None:
    path, right, wrong = tmp_path / "relaunch.db", a_key(), a_key()
    asyncio.run(fill(path, right))

    def try_(*words: str, key: Secret) -> tuple[int, str]:
        url = f"sqlite:///{path}"
        env = {"RELAUNCH_DATABASE": url, "RELAUNCH_SECRET_KEY": key.reveal()}
        done = run(*words, **env)
        return done.exit_code, done.output

    code, said = try_(*LOST, key=wrong)
    asked = answer(path, wrong, "n\n")
    untouched = try_("rotate-key", key=right)
    right_key = try_(*LOST, key=right)
    agreed = answer(path, wrong, "y\n")
    newer = a_key()
    in_a_script = try_(*LOST, "--yes", key=newer)

    assert (code, "hooks (1)" in said, "--yes" in said) == (2, True, True)
    assert "Replace them for good? [y/N]" in asked
    assert "replaced" not in asked
    assert untouched[0] == 0
    assert right_key[1].startswith("replaced 0 secrets")
    assert "replaced 1 secret that no key reads" in agreed
    assert in_a_script[0] == 0
    assert in_a_script[1].startswith("replaced 1 secret that no key reads")
