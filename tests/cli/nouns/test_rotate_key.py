"""`relaunch rotate-key`: secrets at rest under the newest key."""

from tests.cli.conftest import Run
from tests.support.databases import a_key


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
