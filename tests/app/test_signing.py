"""What operators set to have images signed, and what they are told when it is wrong."""

from pathlib import Path

import pytest

from service.app.builders import make_builder
from service.app.engines import open_engines
from service.app.signing import signing_options
from service.errors import InvalidRequestError
from service.settings import load
from tests.support.cosign import KeyPair

PAIR = KeyPair.new()
PASSWORD = "a long pass phrase"
ID = "https://relaunch.example.org"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A key and its password in files, as a mounted Secret has them."""
    for name, content in {
        "KEY": PAIR.encrypted(PASSWORD),
        "PASSWORD": f"{PASSWORD}\n",
    }.items():
        (tmp_path / name).write_text(content)
        monkeypatch.setenv(f"RELAUNCH_SIGNING_{name}_FILE", str(tmp_path / name))
    monkeypatch.setenv("RELAUNCH_DATA", str(tmp_path / "data"))
    return monkeypatch


def test_without_a_key_nothing_is_signed() -> None:
    assert signing_options(load()) is None


def test_a_key_and_its_password_are_read_from_files(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("RELAUNCH_PUBLIC_URL", ID)
    options = signing_options(load())

    assert options is not None
    assert options.key.public_pem == PAIR.public
    assert options.author is not None
    assert options.author.builder_id == ID
    assert options.credentials is None


def test_credentials_that_push_are_those_that_read_unless_others_are_named(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("RELAUNCH_SIGNING_BUILDER_ID", "urn:uuid:1")
    environment.setenv("RELAUNCH_KUBERNETES_REGISTRY_CONFIG", "/reads.json")
    reads = signing_options(load())
    environment.setenv("RELAUNCH_SIGNING_REGISTRY_CONFIG", "/pushes.json")
    pushes = signing_options(load())

    assert reads is not None
    assert pushes is not None
    assert reads.credentials == Path("/reads.json")
    assert pushes.credentials == Path("/pushes.json")
    assert pushes.author is not None
    assert pushes.author.builder_id == "urn:uuid:1"


def test_provenance_needs_somebody_who_states_it(
    environment: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InvalidRequestError, match="RELAUNCH_SIGNING_BUILDER_ID"):
        signing_options(load())
    environment.setenv("RELAUNCH_SIGNING_PROVENANCE", "false")
    options = signing_options(load())

    assert options is not None
    assert options.author is None


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("RELAUNCH_SIGNING_KEY", "/etc/cosign.key", "RELAUNCH_SIGNING_KEY_FILE"),
        ("RELAUNCH_SIGNING_BUILDER_ID", "nobody", "expected a URI"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidRequestError, match=told):
        load()


def test_a_wrong_password_is_told_before_the_first_build(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.delenv("RELAUNCH_SIGNING_PASSWORD_FILE")
    environment.setenv("RELAUNCH_SIGNING_PASSWORD", "another one")

    with pytest.raises(InvalidRequestError, match="password does not open") as caught:
        signing_options(load())
    assert "RELAUNCH_SIGNING_KEY" in str(caught.value)
    assert "another one" not in str(caught.value)


@pytest.mark.usefixtures("environment")
def test_neither_key_nor_password_is_ever_shown() -> None:
    settings = load()

    assert PASSWORD in settings.secrets()
    assert PASSWORD not in repr(settings)
    assert "BEGIN" not in repr(settings)


@pytest.mark.usefixtures("environment")
async def test_a_key_that_would_sign_nothing_is_refused() -> None:
    settings = load()
    async with open_engines(settings) as engines:
        with pytest.raises(InvalidRequestError, match="RELAUNCH_BUILDER=kubernetes"):
            make_builder(settings, engines)
