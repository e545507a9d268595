"""Alerts of failed builds are sentences for people."""

import pytest

from handlers.api.resources.renku.platform import join_sentences


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("no such package: sxi", "Correct it"), "no such package: sxi. Correct it."),
        (("It ended.", "", "Look at the log."), "It ended. Look at the log."),
        (("Is it there?\n", ""), "Is it there?"),
    ],
)
def test_what_is_told_stands_apart(texts: tuple[str, ...], message: str) -> None:
    assert join_sentences(*texts) == message
