"""Credentials are replaced by one rule, wherever a text is shown, logged or stored."""

import pytest
from hypothesis import given, strategies as st

from service.definitions.text import show
from service.redaction import has_url_credentials, redact_credentials, redact_urls

USERINFO = st.text(
    st.characters(blacklist_categories=("Z", "C"), blacklist_characters="/?#"),
    max_size=30,
)
"""What stands before the host of a URL; RFC 3986 ends it at the first of / ? #."""


@given(user=USERINFO, password=USERINFO, before=st.sampled_from(["", "-i ", "'", '"']))
def test_nothing_of_a_user_or_a_password_is_left(
    user: str, password: str, before: str
) -> None:
    text = f"{before}https://{user}:{password}@host.test/simple"
    kept = f"{before}https://…@host.test/simple"

    assert has_url_credentials(text)
    assert redact_urls(text) == redact_credentials(text) == kept
    assert show(text, limit=None) == kept


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("https://user:p@ss@host/x", "https://…@host/x"),
        ("https://user:p'ss@host/x", "https://…@host/x"),
        ("https://me:pw@host/x", "https://…@host/x"),
        ("https://ghp_token@host/x", "https://…@host/x"),
        ("git+https://me:p@w@host/x y@z", "git+https://…@host/x y@z"),
        ("git+https://token@localhost/x y", "git+https://…@localhost/x y"),
        ("'http://me:p@ss@localhost'", "'http://…@localhost'"),
        ("at https://host/a@b and c@d", "at https://host/a@b and c@d"),
        ("mail me@localhost", "mail me@localhost"),
        (
            "https://host/x?private_token=abc&page=2",
            "https://host/x?private_token=…&page=2",
        ),
        ("http://h/?a=1&X-Amz-Signature=0f#x", "http://h/?a=1&X-Amz-Signature=…#x"),
        ("token=abc is no URL", "token=abc is no URL"),
        ("two https://a:b@c/ http://d:e@f/", "two https://…@c/ http://…@f/"),
    ],
)
def test_credentials_of_urls_are_replaced(line: str, kept: str) -> None:
    assert redact_urls(line) == redact_credentials(line) == kept
    assert redact_credentials(kept) == kept


def test_a_package_that_is_named_like_a_token_is_shown() -> None:
    assert show("hf_transfer==0.1.8") == "hf_transfer==0.1.8"


@given(st.integers(0, 30_000))
def test_redaction_takes_no_longer_for_hostile_lines(length: int) -> None:
    assert redact_credentials("://" + "@:/" * length)
