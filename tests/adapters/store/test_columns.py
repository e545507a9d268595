"""Columns take any value there is; logs show no credential."""

import pytest
from hypothesis import given, strategies as st

from service.adapters.store.columns import escape, unescape


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_stored_and_read_back(text: str) -> None:
    stored = escape(text)

    stored.encode()
    assert "\x00" not in stored
    assert unescape(stored) == text


@pytest.mark.parametrize("text", ["", "main", "a/b c.txt", "é☃😀"])
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert escape(text) == text
