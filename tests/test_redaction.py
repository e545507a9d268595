"""Credentials are replaced by one rule, wherever a text is shown, logged or stored."""

import pytest
from hypothesis import given, strategies as st

from service.definitions.text import show
from service.redaction import (
    LineRedactor,
    has_url_credentials,
    redact_credentials,
    redact_urls,
)

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


SECRET = "S3cr3tV4lue98765abcd"


@pytest.mark.parametrize(
    "line",
    [
        "export GITHUB_TOKEN={}",
        "CI_JOB_TOKEN={} NEXT=1",
        "DB_PASSWORD=a$(b{},c NEXT=1",
        "AWS_SECRET_ACCESS_KEY: {}",
        "environ({{'TWINE_PASSWORD': '{}', 'X': '1'}})",
        "os.environ['API_KEY'] = '{}'",
        '{{"client_secret":"{}"}}',
        "password={}",
        "token = {}",
        "host=h password={} dbname=x",
        "postgres: password authentication, PGPASSWORD={}",
        "env: DB_PASSWORD={}",
        "twine: error: TOKEN={}",
        "TOKEN: '{}'",
        "twine upload --password {} dist/x",
        "tool --api-key={}",
        "machine h login me password {}",
        "//registry/:_authToken={}",
        "X-Vault-Token: {}",
        "X-Authorization: {}",
        "X-Amz-Authorization: {}",
        "my-private-token: {}",
        "'x-session-cookie': '{}'",
        "req.headers.authorization = '{}'",
        "x-gitea-signature: {}",
        "AWS4-HMAC-SHA256 Credential=me, Signature={}",
        "GET https://h/x?sig={}&page=1",
        "GET https://h/x?code={}",
        "GET https://h/x;token={}",
        "GET https://h/x#access_token={}",
        "https://channels.test/t/{}/mine/linux-64/repodata.json",
        "postgresql://me:pa/{}@h/db",
        "https://me:p?{}@h/x",
        "https://me:p#{}@h:80/x",
    ],
)
def test_what_has_the_name_of_a_secret_is_replaced(line: str) -> None:
    kept = redact_credentials(line.format(SECRET))

    assert SECRET not in kept
    assert kept == line.format("…") or "://" in line or "$" in line
    assert redact_credentials(kept) == kept


@pytest.mark.parametrize("begin", ["1.0", "1234567", "v1.2.3a", ">=1", "2024.1-x."])
def test_a_secret_may_begin_like_a_version(begin: str) -> None:
    assert redact_credentials(f"TOKEN={begin}{SECRET}") == "TOKEN=…"


@pytest.mark.parametrize("line", ["DB_PASSWORD={}", "'PASSWORD': '{}'", "password={}"])
def test_a_word_is_a_secret_where_an_environment_is_printed(line: str) -> None:
    assert redact_credentials(line.format("swordfish")) == line.format("…")


@pytest.mark.parametrize(
    "line",
    [
        "Unexpected token: identifier",
        "    token = next(self.tokens)",
        "    self.token = token",
        "auth: false",
        "monkey=banana5",
        "Collecting secretstorage>=3.3.1",
        "Installing tokenizers (0.15.2)",
        "six==1.16.0 --hash=sha256:0123456789abcdef",
        "cache-key: 12345678",
        "GET http://h:8080/a/@scope/b",
        "password is wrong",
        "PASSWORD: none",
        "tests_pass: 1234",
        "password: expected",
        "PASSWORD: required",
        "twine: error: --password: expected",
        "usage: x --index-token FILE [--password PASSWORD]",
        "usage: x --index-token=FILE",
        "the option --index-token requires an argument",
    ],
)
def test_what_only_speaks_of_secrets_is_left(line: str) -> None:
    assert redact_credentials(line) == line


def test_a_key_is_hidden_whole_and_the_lines_after_it_are_not() -> None:
    body = ["MIIEpAIBAAKCAQEA" + "x" * 48] * 20
    key = ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----"]
    redactor = LineRedactor()

    shown = [redactor.redact(line) for line in ["before", *key, "after"]]

    assert shown == ["before", *["…"] * len(key), "after"]
    assert (
        LineRedactor().redact(" ".join([*key, "after"]))
        == "… RSA PRIVATE KEY----- after"
    )


def test_a_key_without_an_end_does_not_hide_the_rest() -> None:
    redactor = LineRedactor()
    redactor.redact("-----BEGIN PRIVATE KEY-----")

    assert [redactor.redact("x") for _ in range(200)].count("x") == 50


NAMES = ["tiktoken", "python-token", "django-secret", "flask-basic_auth", "api-key"]
NAMES += [
    "hf_transfer",
    "pypi-simple",
    "npm_assets-x",
    "glean-parser",
    "http-signature",
    "session-cookie",
    "x-authorization",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "line",
    [
        "Collecting {}==0.7.0 (from -r requirements.txt (line 2))",
        "requirement {}==0.7.0rc1 (from versions: 0.1.0)",
        "    {}=0.7.0=py311h1234_0, and none of them",
        "conda-forge::{}=2024a.1",
        "{}: 0.7.0",
        "{}: 0.7.0-py311h1234_0 --> 0.8.0-py312habcd_0",
        '{} = ">=0.7.0,<2"',
        "'{}': '^0.7.0.post1'",
        "{}:=0.7.0+cu118",
        "{}===0.7.0; {}>=0.7.0, {}~=0.7.0.dev20",
        "https://index.test/{}-0.7.0-cp311-cp311-manylinux_2_17_x86_64.whl",
    ],
)
def test_versions_of_a_package_that_is_named_like_a_secret_are_left(
    name: str, line: str
) -> None:
    line = line.replace("{}", name)

    assert redact_credentials(line) == line


def test_a_package_that_is_named_like_a_token_is_shown() -> None:
    assert show("hf_transfer==0.1.8") == "hf_transfer==0.1.8"


@given(st.integers(0, 30_000))
def test_redaction_takes_no_longer_for_hostile_lines(length: int) -> None:
    assert redact_credentials("://" + "@:/" * length)
