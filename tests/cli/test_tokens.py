"""`relaunch token` and `relaunch repository`, with a service that runs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli.commands import relaunch
from tests.cli.living import Living, living

Call = Callable[..., Result]
PROJECT = "0" * 26
URL = "https://forge.example/acme/course"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("tokens")) as service:
        yield service


@pytest.fixture
def call(service: Living) -> Call:
    def run(*words: str, token: str = "") -> Result:
        env = service.env | ({"RELAUNCH_TOKEN": token} if token else {})
        runner = CliRunner(env=env)
        return runner.invoke(relaunch, words, prog_name="relaunch")

    return run


def add(call: Call, name: str, *options: str) -> dict[str, Any]:
    said = call("token", "add", name, *options, "-o", "json")
    assert said.exit_code == 0, said.output
    made: dict[str, Any] = json.loads(said.stdout)
    return made


def listed(call: Call) -> dict[str, dict[str, Any]]:
    found = json.loads(call("token", "list", "-o", "json").stdout)
    return {each["id"]: each for each in found}


def test_a_token_does_what_its_scope_allows_and_no_more(call: Call) -> None:
    viewer = add(call, "reading", "--role", "viewer", "--project", PROJECT)["token"]
    admin = add(call, "all", "--admin")["token"]

    assert call("launcher", "list", token=viewer).exit_code == 0
    refused = call("dead-letters", "list", token=viewer)
    assert refused.exit_code == 1
    assert "do not have the required permissions" in refused.output
    assert call("dead-letters", "list", token=admin).exit_code == 0
    # A token makes no other, unless it administers.
    refused = call("token", "add", "more", token=viewer)
    assert "not added or revoked with an API token" in refused.output


def test_what_is_shown_of_a_token_does_not_open_anything(call: Call) -> None:
    made = add(call, "shown", "--days", "7")
    shown = listed(call)[made["id"]]

    assert "token" not in shown
    assert made["token"] not in call("token", "list").output
    assert made["token"].startswith(shown["prefix"])
    assert len(shown["prefix"]) < 16
    assert shown["expires_at"] < shown["creation_date"].replace("2026", "2027")


@pytest.mark.parametrize("way", ["id", "lower id", "name", "prefix", "whole"])
def test_a_token_is_revoked_by_whatever_it_is_known_by(call: Call, way: str) -> None:
    made = add(call, f"leaked-{way}")
    known = {
        "id": made["id"],
        "lower id": made["id"].lower(),
        "name": made["name"],
        "prefix": made["prefix"],
        "whole": made["token"],
    }
    assert call("launcher", "list", token=made["token"]).exit_code == 0

    said = call("token", "revoke", known[way])

    assert said.exit_code == 0, said.output
    assert made["token"] not in said.output
    assert "revoked_at" in listed(call)[made["id"]]
    refused = call("launcher", "list", token=made["token"])
    assert refused.exit_code == 1
    assert "refused the token" in refused.output


def test_a_name_of_two_is_asked_for_by_id_and_one_of_none_is_said(call: Call) -> None:
    first, second = add(call, "twice"), add(call, "twice")

    said = call("token", "revoke", "twice")

    assert said.exit_code == 1
    assert first["id"] in said.output
    assert second["id"] in said.output
    assert call("token", "revoke", first["id"]).exit_code == 0
    # Of one that is revoked and one that is not, the name means the other.
    assert second["id"] in call("token", "revoke", "twice").output
    secret = "rlt_" + "x" * 39
    for wrong in ("nobody", secret, "rlt_"):
        said = call("token", "revoke", wrong)
        assert said.exit_code == 1
        assert "no token has the id or name" in said.output
        assert secret not in said.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--role", "admin"), "'admin' is not one of"),
        (("--days", "367"), "367 is not in the range"),
        (("--days", "0"), "0 is not in the range"),
        (("--project", "nowhere"), "projects"),
        (("--project", "7" + "Z" * 25), "you are no viewer of a project"),
    ],
)
def test_a_wrong_scope_makes_no_token(
    call: Call, options: tuple[str, ...], message: str
) -> None:
    before = listed(call)

    said = call("token", "add", "wrong", *options)

    assert said.exit_code != 0
    assert message in said.output
    assert listed(call) == before


def test_a_repository_is_granted_and_withdrawn(call: Call) -> None:
    def granted() -> dict[str, str | None]:
        said = call("repository", "list", PROJECT, "-o", "json")
        found = json.loads(said.stdout)
        return {each["repository"]: each.get("granted_by") for each in found}

    assert call("repository", "grant", PROJECT, URL).exit_code == 0
    assert granted()[URL] == "administrator"
    assert "administrator" in call("repository", "list", PROJECT).output

    assert call("repository", "withdraw", PROJECT, URL).exit_code == 0
    assert granted()[URL] is None

    for words, message in {
        ("grant", PROJECT, "ssh://x"): "repository",
        ("grant", "7" + "Z" * 25, URL): "does not exist",
        ("withdraw", PROJECT, f"{URL}-2"): "is not linked",
    }.items():
        said = call("repository", *words)
        assert said.exit_code == 1
        assert message in said.output
