"""Hosts of repositories: one spelling, in which everybody connects to the same."""

import pytest

from service.domain.repository import Repository
from service.errors import InvalidRequestError

TOLD = {
    "https://GitHub.com/a/b.git": ("github.com", "https://GitHub.com/a/b.git"),
    "https://github.com./a/b": ("github.com", "https://github.com/a/b"),
    "https://b\u00fccher.example/a/b": (
        "xn--bcher-kva.example",
        "https://xn--bcher-kva.example/a/b",
    ),
    "https://XN--bcher-kva.example:8443/a": (
        "xn--bcher-kva.example:8443",
        "https://XN--bcher-kva.example:8443/a",
    ),
    # A Cyrillic letter is seen to be one.
    "https://g\u0456thub.com/a/b": (
        "xn--gthub-n2e.com",
        "https://xn--gthub-n2e.com/a/b",
    ),
    "https://\uff47ithub.com/a/b": ("github.com", "https://github.com/a/b"),
    "https://example\u3002org/a": ("example.org", "https://example.org/a"),
    "http://[::1]:3000/a/b": ("[::1]:3000", "http://[::1]:3000/a/b"),
    "http://a_b.local:80/x": ("a_b.local", "http://a_b.local:80/x"),
    "file:///srv/x.git": ("localhost", "file:///srv/x.git"),
}


@pytest.mark.parametrize("url", TOLD)
def test_a_host_has_one_spelling(url: str) -> None:
    repository = Repository.from_url(url)

    assert (repository.host, repository.url) == TOLD[url]


@pytest.mark.parametrize(
    "host",
    [
        "exa%6dple.org",
        "%31%32%37.0.0.1",
        "[fe80::1%25eth0]",
        "stra\u00dfe.example",
        "a\u200db.example",
        "-a.example",
        "a..example",
        ".example",
        "a b.example",
        "a\\b.example",
        "a,b.example",
        "\u2100.example",
        "x" * 254,
        "\u00fc" * 70 + ".example",
        "",
    ],
)
def test_what_readers_take_differently_is_no_host(host: str) -> None:
    with pytest.raises(InvalidRequestError):
        Repository.from_url(f"https://{host}/owner/name")


@pytest.mark.parametrize("break_", ["\n", "\r", "\t", "\x00", "\x1b", "\u2028"])
def test_a_url_holds_no_control_characters(break_: str) -> None:
    with pytest.raises(InvalidRequestError, match="control characters"):
        Repository.from_url(f"https://forge.test/owner/na{break_}me")


@pytest.mark.parametrize(
    "url",
    [
        "https://forge.example/a/b/../../c/d",
        "https://forge.example/./a/b",
        "https://forge.example/a/%2e%2e/c/d",
        "https://forge.example/a/b/%2E.",
        "https://forge.example/a/b/..",
        "https://forge.example/a%2f..%2fb",
        "file:///srv/../etc/x.git",
        "https://forge.example:0/a/b",
    ],
)
def test_a_path_names_the_repository_that_is_asked_for(url: str) -> None:
    with pytest.raises(InvalidRequestError):
        Repository.from_url(url)


@pytest.mark.parametrize("name", ["..a", "a..", "...", "%2a", "a.git"])
def test_dots_in_a_name_are_no_steps(name: str) -> None:
    assert Repository.from_url(f"https://forge.example/a/{name}").path
