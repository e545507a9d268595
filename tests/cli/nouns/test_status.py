"""`relaunch status`: one look, what needs an operator, and what a script gets."""

import json
from typing import Any

import pytest

from tests.cli.api_answers import a_build
from tests.cli.conftest import Run
from tests.cli.standin import StandIn

READY = {"status": "ok", "parts": {"bus": "ok", "store": "ok"}}
NOTHING = {"count": 0, "oldest_seconds": 0.0}
WELL: dict[str, Any] = {
    "checked_at": "2026-03-01T12:00:00Z",
    "version": "0.1.0",
    "has_leader": True,
    "queues": [{"role": "evaluation", "waiting": 3, "dead": 0, "consumers": 2}],
    "spool": NOTHING,
    "evaluations_due": NOTHING,
    "builds_queued": {"count": 1, "oldest_seconds": 12.0},
    "builds_running": 1,
    "launchers_without_build": 0,
    "hooks": {"healthy": 4, "unhealthy": 0, "unchecked": 1},
    "sweep_lag_seconds": 3.0,
}
QUEUED: dict[str, Any] = a_build(
    1, state="queued", waiting={"kind": "cap", "message": "2 of 2 builds run"}
)
STARTS: dict[str, Any] = a_build(2, state="queued")
SICK = {
    "id": "hook-1",
    "forge": "github",
    "proof": "hmac",
    "repository": "https://github.com/me/course",
    "reach": "repository",
    "managed": True,
    "url": "https://relaunch.example.org/webhooks/github/hook-1",
    "events": ["push"],
    "secrets": 1,
    "status": "unhealthy",
    "health": {
        "checked_at": "2026-03-01T12:00:00Z",
        "reasons": ["gone"],
        "message": "The forge has no such webhook any more.",
        "remedy": "Add it.",
        "repaired": [],
        "redelivered": 0,
        "trouble": "",
    },
    "created_at": "2026-03-01T11:00:00Z",
}


def answers(server: StandIn, *bodies: object) -> None:
    server.bodies = [json.dumps(body).encode() for body in bodies]


def test_all_is_right_and_who_waits_says_for_what(run: Run, server: StandIn) -> None:
    answers(server, READY, WELL, [QUEUED, STARTS], [STARTS | {"state": "running"}], [])

    done = run("--url", server.url, "status")

    assert done.exit_code == 0, done.output
    assert "all is right" in done.output
    assert "2 of 2 builds run" in done.output
    assert QUEUED["id"] in done.output
    assert done.output.count(STARTS["id"]) == 1
    paths = [request.path.partition("?")[0] for request in server.asked]
    assert paths == [
        "/readyz",
        "/api/relaunch/status",
        "/api/relaunch/builds",
        "/api/relaunch/builds",
        "/api/relaunch/hooks",
    ]


TROUBLE = [
    pytest.param({"has_leader": False}, "no consumer leads", id="no leader"),
    pytest.param(
        {"queues": [{"role": "rollout", "waiting": 0, "dead": 2, "consumers": None}]},
        "2 messages of rollout could not be handled",
        id="dead letters",
    ),
    pytest.param(
        {"queues": [{"role": "rollout", "waiting": 9, "dead": 0, "consumers": 0}]},
        "nobody consumes the queue of rollout",
        id="no consumer",
    ),
    pytest.param(
        {"spool": {"count": 7, "oldest_seconds": 301.0}},
        "7 events wait for the bus",
        id="spool",
    ),
    pytest.param({"sweep_lag_seconds": 3700.5}, "the sweep is 61 min", id="sweep"),
    pytest.param(
        {"launchers_without_build": 2}, "2 launchers are outdated", id="outdated"
    ),
]


@pytest.mark.parametrize(("changes", "message"), TROUBLE)
def test_what_needs_an_operator_is_named_and_is_the_exit_code(
    run: Run, server: StandIn, changes: dict[str, Any], message: str
) -> None:
    answers(server, READY, WELL | changes, [], [], [])

    done = run("--url", server.url, "status")

    assert done.exit_code == 1, done.output
    assert message in done.output
    assert "all is right" not in done.output


def test_unfinished_builds_are_listed_behind_any_number_of_newer_ones(
    run: Run, server: StandIn
) -> None:
    answers(server, READY, WELL, [QUEUED], [STARTS], [], [])
    server.cursors = ["", "", "next-page"]

    done = run("--url", server.url, "status", "-o", "json")

    assert done.exit_code == 0, done.output
    shown = [build["id"] for build in json.loads(done.output)["builds"]]
    assert shown == [STARTS["id"], QUEUED["id"]]
    queries = [request.path.partition("?")[2] for request in server.asked]
    assert queries[2:5] == [
        "state=queued&limit=1000",
        "state=queued&limit=1000&after=next-page",
        "state=running&limit=1000",
    ]


def test_an_older_service_shows_what_is_unfinished_of_the_newest(
    run: Run, server: StandIn
) -> None:
    done = a_build(3, state="succeeded", status="succeeded")
    refusal = {"error": {"code": 1422, "message": "state is not known"}}
    answers(server, READY, WELL, refusal, [done, QUEUED], [])
    server.statuses = [200, 200, 422]

    said = run("--url", server.url, "status", "-o", "json")

    assert said.exit_code == 0, said.output
    shown = json.loads(said.output)["builds"]
    assert [build["id"] for build in shown] == [QUEUED["id"]]


def test_a_hook_that_is_not_well_says_what_to_do(run: Run, server: StandIn) -> None:
    answers(server, READY, WELL, [], [], [SICK])

    done = run("--url", server.url, "status", "-o", "json")

    assert done.exit_code == 1
    assert json.loads(done.output)["problems"] == [
        {
            "message": "hook hook-1: The forge has no such webhook any more.",
            "advice": "Add it.",
        }
    ]


def test_a_part_that_is_away_is_named_though_nothing_else_can_be_read(
    run: Run, server: StandIn
) -> None:
    away = {"status": "unavailable", "parts": {"bus": "ok", "store": "unavailable"}}
    answers(server, away, {"error": {"message": "the database does not answer"}})
    server.statuses = [503, 503]

    done = run("--url", server.url, "status")

    assert done.exit_code == 1, done.output
    assert "the database does not answer: unavailable" in done.output
    assert "RELAUNCH_DATABASE" in done.output


def test_nobody_answers_is_an_exit_code_of_its_own(run: Run) -> None:
    done = run("--url", "http://127.0.0.1:9", "status")

    assert done.exit_code == 3
    assert "no relaunch service answers" in done.output


def test_the_page_of_an_ingress_without_pods_is_no_service(
    run: Run, server: StandIn
) -> None:
    server.status, server.body = 503, b"<html>no healthy upstream</html>"

    done = run("--url", server.url, "status")

    assert done.exit_code == 3
