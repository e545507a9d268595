"""A question that nobody answers: the person learns that nothing was done."""

import pytest

from tests.cli.conftest import Run
from tests.cli.standin import StandIn


@pytest.mark.parametrize(
    "stdin",
    [pytest.param("", id="a script"), pytest.param("n\n", id="no")],
)
def test_a_question_without_a_yes_says_that_nothing_was_done(
    run: Run, server: StandIn, stdin: str
) -> None:
    said = run("--url", server.url, "hook", "remove", "01J", stdin=stdin)

    assert said.exit_code == 130
    assert said.stderr.endswith("nothing was done\n")
    assert "DELETE" not in {asked.method for asked in server.asked}
