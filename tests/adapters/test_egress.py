"""Which machines may be asked for what users name."""

import pytest

from service.adapters.egress import (
    ANYWHERE,
    EgressPolicy,
    host_of,
    is_public,
    proxy_for,
)
from service.errors import RemoteRefusedError, TransientError

NOWHERE = EgressPolicy(())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",  # noqa: S104 - nobody listens
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%lo",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:0001::",
        "64:ff9b::a9fe:a9fe",
        # NAT64 with a prefix of one's own, and the forms before and beside mapped ones.
        "64:ff9b:1::7f00:1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "fec0::1",
        "5f00::1",
        "3fff::1",
        # Where clouds answer the machines in them.
        "192.0.0.192",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
    ],
)
def test_addresses_of_ones_own_network_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["140.82.112.3", "2606:50c0:8000::153", "::ffff:140.82.112.3"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "::1"]
)
async def test_this_machine_is_not_met_under_any_spelling(host: str) -> None:
    with pytest.raises(RemoteRefusedError, match="RELAUNCH_REMOTE_ALLOW_PRIVATE"):
        await NOWHERE.addresses(host, 443)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "::1",
        "localhost",
        "a.localhost",
        # A proxy reads them as the system does.
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
    ],
)
def test_what_is_an_address_already_is_checked_without_resolving(host: str) -> None:
    with pytest.raises(RemoteRefusedError):
        NOWHERE.check_literal(host, 443)

    ANYWHERE.check_literal(host, 443)
    NOWHERE.check_literal("git.example.org", 443)


@pytest.mark.parametrize("allowed", ["localhost", "localhost:8443", "LOCALHOST", "*"])
async def test_a_host_that_is_named_in_the_settings_may_be_private(
    allowed: str,
) -> None:
    assert await EgressPolicy((allowed,)).addresses("localhost", 8443)


@pytest.mark.parametrize("allowed", ["localhost:8444", "host", "local", "127.0.0.1"])
async def test_only_that_host_may(allowed: str) -> None:
    with pytest.raises(RemoteRefusedError):
        await EgressPolicy((allowed,)).addresses("localhost", 8443)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid", "\ud800"])
async def test_a_name_that_cannot_be_resolved_may_be_resolved_later(host: str) -> None:
    with pytest.raises(TransientError):
        await NOWHERE.addresses(host, 443)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Git.Example/x", ("git.example", 443)),
        ("http://git.example:8080/x", ("git.example", 8080)),
        ("https://[::1]:8443/x", ("::1", 8443)),
        ("https://user@git.example/x", ("git.example", 443)),
    ],
)
def test_a_url_leads_to_a_host_and_a_port(url: str, expected: tuple[str, int]) -> None:
    assert host_of(url) == expected


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://a.example/", None),
        ({"https_proxy": "http://p:1"}, "https://a.example/", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://a.example/", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "http://a.example/", None),
        ({"ALL_PROXY": "http://p:1"}, "http://a.example/", "http://p:1"),
        (
            {"https_proxy": "http://p:1", "no_proxy": ".example"},
            "https://a.example/",
            None,
        ),
        (
            {"https_proxy": "http://p:1", "NO_PROXY": "b.example, a.example:443"},
            "https://a.example/",
            None,
        ),
        (
            {"https_proxy": "http://p:1", "no_proxy": "xample"},
            "https://a.example/",
            "http://p:1",
        ),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, "https://a.example/", None),
    ],
)
def test_proxies_are_read_as_curl_reads_them(
    environment: dict[str, str], url: str, proxy: str | None
) -> None:
    assert proxy_for(url, environment) == proxy
