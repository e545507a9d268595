"""How forges are named in the settings."""

from pathlib import Path

import pytest

from service.domain.hook import Secret
from service.domain.repository import Repository
from service.errors import InvalidRequestError
from service.settings import ForgeSettings, Settings, load


def forge(**given: object) -> ForgeSettings:
    return ForgeSettings.model_validate(given)


def test_a_token_is_for_one_host() -> None:
    settings = forge(
        tokens="github.com=one, Git.Example:8443=two\n gitlab.com=a=b=",
        kinds={"git.example:8443": "github"},
    )

    assert settings.token("github.com") == Secret("one")
    assert settings.token("git.example:8443") == Secret("two")
    assert settings.token("gitlab.com") == Secret("a=b=")
    assert settings.token("git.example") is None


@pytest.mark.parametrize(
    "spelling",
    [
        "bücher.example",
        "BÜCHER.example",
        "xn--bcher-kva.example",
        "Bücher.example.",
        "bücher.example:443",
        "XN--BCHER-KVA.EXAMPLE.:443",
    ],
)
def test_a_token_is_for_every_spelling_of_its_host(spelling: str) -> None:
    settings = forge(tokens=f"{spelling}=one", kinds={spelling: "gitea"})

    for name in ("bücher.example", "xn--bcher-kva.example", "BÜCHER.example."):
        for port in ("", ":443"):
            host = Repository.from_url(f"https://{name}{port}/o/n").host
            assert settings.token(host) == Secret("one")
            assert settings.kind(host) == "gitea"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example:8443/o/n",
        "https://git.example:80/o/n",
        "http://git.example:443/o/n",
        "https://git.example.evil.example/o/n",
        "https://evil.example/git.example/n",
        "https://agit.example/o/n",
        "https://git-example/o/n",
        "https://g\u0456t.example/o/n",  # a Cyrillic letter
        "https://git.examp1e/o/n",
        "https://sub.git.example/o/n",
        "file:///git.example/n",
    ],
)
def test_a_token_is_for_no_other_host(url: str) -> None:
    settings = forge(tokens="git.example=one", kinds={"git.example": "github"})
    host = Repository.from_url(url).host

    assert settings.token(host) is None
    assert settings.kind(host) is None


@pytest.mark.parametrize(
    "tokens",
    [
        "git.example/path=secret-1",
        "user@git.example=secret-1",
        "https://git.example=secret-1",
        "git.example?x=secret-1",
        "git.%65xample=secret-1",
        "github.com=secret-1,GitHub.com.=secret-1",
    ],
)
def test_what_is_no_host_or_stands_twice_has_no_token(
    monkeypatch: pytest.MonkeyPatch, tokens: str
) -> None:
    monkeypatch.setenv("RELAUNCH_FORGE_TOKENS", tokens)
    monkeypatch.setenv("RELAUNCH_FORGE_KINDS", '{"git.example": "github"}')

    said = r"name of a host|two tokens"
    with pytest.raises(InvalidRequestError, match=said) as error:
        load()

    assert "secret-1" not in str(error.value)


def test_an_api_is_asked_where_we_have_a_token_or_were_told_to() -> None:
    settings = forge(tokens="github.com=x", kinds={"git.example": "gitea"})

    assert settings.kind("github.com") == "github"
    assert settings.kind("git.example") == "gitea"
    assert settings.kind("gitlab.com") is None
    assert settings.kind("elsewhere.example") is None


@pytest.mark.parametrize(
    "tokens", ["github.com", "=x", "github.com=", "git.example=secret-1"]
)
def test_a_token_that_cannot_be_used_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tokens: str
) -> None:
    monkeypatch.setenv("RELAUNCH_FORGE_TOKENS", tokens)

    with pytest.raises(InvalidRequestError) as error:
        load()

    assert "secret-1" not in str(error.value)


def test_tokens_are_read_from_a_file_line_by_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tokens").write_text("github.com=one\ngitlab.com=two\n")
    monkeypatch.setenv("RELAUNCH_FORGE_TOKENS_FILE", str(tmp_path / "tokens"))

    settings = load().forge

    assert settings.token("gitlab.com") == Secret("two")
    assert settings.hosts == {"github.com", "gitlab.com"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"*"}),
        ({"database": "postgresql://db/x"}, set()),
        ({"bus": "amqp://bus/"}, set()),
        ({"remote": {"allow_private": ()}}, set()),
        ({"bus": "amqp://bus/", "remote": {"allow_private": ("a",)}}, {"a"}),
        (
            {"bus": "amqp://bus/", "forge": {"kinds": {"Git.Example": "gitlab"}}},
            {"git.example"},
        ),
    ],
)
def test_private_hosts_are_for_ones_own_machine_or_named(
    given: dict[str, object], expected: set[str]
) -> None:
    assert Settings.model_validate(given).private_hosts == expected
