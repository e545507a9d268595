"""Columns take any value there is; logs show no credential."""

import pytest
from hypothesis import given, strategies as st

from service.adapters.store.columns import escape, unescape
from service.adapters.store.redaction import redacted


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_stored_and_read_back(text: str) -> None:
    stored = escape(text)

    stored.encode()
    assert "\x00" not in stored
    assert unescape(stored) == text


@pytest.mark.parametrize("text", ["", "main", "a/b c.txt", "é☃😀"])
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("https://me:pw@host/x", "https://***@host/x"),
        ("https://ghp_token@host/x", "https://***@host/x"),
        ("git+https://me:p@w@host/x y@z", "git+https://***@host/x y@z"),
        ("at https://host/a@b and c@d", "at https://host/a@b and c@d"),
        (
            "https://host/x?private_token=abc&page=2",
            "https://host/x?private_token=***&page=2",
        ),
        ("http://h/?a=1&X-Amz-Signature=0f#x", "http://h/?a=1&X-Amz-Signature=***#x"),
        ("token=abc is no URL", "token=abc is no URL"),
        ("two https://a:b@c/ http://d:e@f/", "two https://***@c/ http://***@f/"),
    ],
)
def test_credentials_in_urls_are_masked(line: str, kept: str) -> None:
    assert redacted(line) == kept


@given(st.integers(0, 30_000))
def test_masking_takes_no_longer_for_hostile_lines(length: int) -> None:
    assert redacted("://" + "@:/" * length)
