"""What the command line makes of services that are absent or odd."""

import json
import re

import pytest

from tests.cli.api_answers import READY_IMAGE, a_build, a_launcher, as_json, ulid
from tests.cli.conftest import Run
from tests.cli.standin import StandIn

ASKING = [
    ["launcher", "list"],
    ["launcher", "show", "x"],
    ["hook", "list"],
    ["rebuild", "x"],
    ["builds"],
    ["logs", "x"],
    ["cancel", "x"],
    ["explain", "x"],
    ["events"],
    ["deliveries", "list"],
    ["dead-letters", "list"],
    ["usage"],
]


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_without_a_service_every_command_says_how_to_start_one(
    run: Run, words: list[str]
) -> None:
    said = run(*words)

    assert said.exit_code == 3
    assert said.output == (
        "Error: no relaunch service answers at http://127.0.0.1:9; "
        "start one with `relaunch dev`\n"
    )


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
@pytest.mark.parametrize(
    ("odd", "told"),
    [
        pytest.param(
            (401, "application/json", b'{"error": {"code": 1401, "message": "no"}}'),
            "set RELAUNCH_TOKEN",
            id="refused token",
        ),
        pytest.param(
            (
                500,
                "application/json",
                b'{"error": {"code": 1500, "message": "It broke", "detail": "here"}}',
            ),
            "It broke: here",
            id="broken service",
        ),
        pytest.param((502, "text/html", b"<h1>Bad"), "is it a relaunch", id="a proxy"),
        pytest.param((200, "application/json", b"[{"), "is it a relaunch", id="cut"),
        pytest.param((200, "text/html", b"<html>"), "is it a relaunch", id="a page"),
        pytest.param((200, "application/json", b"7"), "", id="a number"),
        pytest.param((200, "application/json", b'["x"]'), "", id="a list of texts"),
        pytest.param((200, "application/json", b"\xff\xfe"), "", id="no text"),
        pytest.param((404, "application/json", b'{"error": 3}'), "404", id="odd error"),
    ],
)
def test_odd_answers_are_errors_without_a_traceback(
    run: Run,
    server: StandIn,
    words: list[str],
    odd: tuple[int, str, bytes],
    told: str,
) -> None:
    server.status, server.content_type, server.body = odd

    said = run("--url", server.url, *words)

    assert said.exit_code == 1
    assert said.output.startswith("Error: ")
    assert told in said.output
    assert isinstance(said.exception, SystemExit)


def test_the_token_goes_with_every_request(run: Run, server: StandIn) -> None:
    run("--url", server.url, "hook", "list")

    (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer t0ken-of-the-tests"


def test_json_is_printed_as_it_was_sent_with_fields_of_a_newer_service(
    run: Run, server: StandIn
) -> None:
    sent = a_launcher() | {"mood": {"is": "good"}}
    environment = sent["environment"]
    assert isinstance(environment, dict)
    sent["environment"] = {"colour": 1.0} | environment
    (server.body,) = as_json([sent])

    table = run("--url", server.url, "launcher", "list")
    found = run("--url", server.url, "launcher", "list", "-o", "json")

    assert ulid(1) in table.output
    assert found.output == json.dumps([sent], indent=2, ensure_ascii=False) + "\n"


def test_words_of_a_newer_service_are_shown_as_they_are(
    run: Run, server: StandIn
) -> None:
    build = a_build(state="dreaming") | {"status": "half_done"}
    sent = a_launcher() | {"update_policy": "seldom", "last_build": build}
    environment = sent["environment"]
    assert isinstance(environment, dict)
    sent["environment"] = environment | {"environment_kind": "SHARED"}
    (server.body,) = as_json([sent])

    launchers = run("--url", server.url, "launcher", "list")
    printed = run("--url", server.url, "launcher", "list", "-o", "json")
    (server.body,) = as_json([build])
    builds = run("--url", server.url, "builds")

    assert launchers.exit_code == printed.exit_code == builds.exit_code == 0
    assert "seldom" in launchers.output
    assert json.loads(printed.output) == [sent]
    assert "dreaming" in builds.output


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"generation": "1"}, "answered '1' as '0.generation'; expected a valid inte"),
        ({"name": None}, "answered None as '0.name'; expected a valid string"),
        ({"environment": [1]}, "answered a list as '0.environment'; expected an obj"),
        ({"creation_date": "noon"}, "'noon' as '0.creation_date'; expected a valid da"),
        ({"outdated": "x" * 99}, f"answered '{'x' * 59}… as '0.outdated'"),
        (
            {"generation": "1", "update_policy": "never"},
            "answered '1' as '0.generation'; expected a valid inte",
        ),
        ({}, "answered without the field '0.outdated', which was expected"),
    ],
)
def test_an_answer_that_differs_is_told_with_what_was_seen_and_expected(
    run: Run, server: StandIn, changes: dict[str, object], told: str
) -> None:
    sent = a_launcher() | changes
    if not changes:
        del sent["outdated"]
    (server.body,) = as_json([sent])

    said = run("--url", server.url, "launcher", "list")

    assert said.exit_code == 1
    assert f"Error: {server.url}/api/relaunch/session_launchers " in said.output
    assert told in said.output
    assert "`relaunch version` shows" in said.output
    assert len(said.output.splitlines()) == 1


def test_a_refusal_is_told_in_the_service_s_words_without_steering_the_terminal(
    run: Run, server: StandIn
) -> None:
    server.status = 422
    message = "revision \x1b[31mx\x1b]0;owned\x07 is no ref"
    server.body = json.dumps({"error": {"code": 1422, "message": message}}).encode()

    said = run("--url", server.url, "dead-letters", "requeue", "1")

    assert said.exit_code == 1
    assert said.output == "Error: revision x]0;owned is no ref\n"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("git@github.com:owner/name.git", "https://github.com/owner/name.git"),
        ("ssh://git@git.example.org:2222/a/b", "https://git.example.org/a/b"),
        ("ssh://git@github.com/owner/name", "https://github.com/owner/name"),
        ("github.com/owner/name", "https://github.com/owner/name"),
        ("nowhere/at-all", None),
        ("C:\\course", None),
    ],
)
@pytest.mark.parametrize("words", [["launcher", "add", "course"], ["hook", "add"]])
def test_a_repository_that_is_no_url_is_told_with_the_url_that_was_meant(
    run: Run, server: StandIn, words: list[str], given: str, meant: str | None
) -> None:
    said = run("--url", server.url, *words, given)

    assert said.exit_code == 1
    assert f"{given!r} is neither a folder nor a URL" in said.output
    found = re.search(r"did you mean (\S+)\?", said.output)
    assert (found[1] if found else None) == meant
    assert server.asked == []


def test_a_build_that_failed_without_a_log_says_why(run: Run, server: StandIn) -> None:
    one = ulid(1)
    failure = {"kind": "network", "message": "no such host"}
    failed = a_build(1, status="failed", state="failed", failure=failure)
    server.bodies = as_json(failed, {}, failed)

    said = run("--url", server.url, "logs", one)

    assert said.exit_code == 0
    assert said.output == f"build {one}: failed without a log: no such host\n"


def test_a_launcher_s_newest_build_is_cancelled_by_the_launcher_s_name(
    run: Run, server: StandIn
) -> None:
    build = a_build(2)
    server.bodies = as_json([a_launcher()], [build], build)

    said = run("--url", server.url, "cancel", "course")

    assert said.output == f"Build {build['id']} was cancelled.\n"
    asked = server.asked[-1]
    assert (asked.method, asked.path) == (
        "PATCH",
        f"/api/relaunch/builds/{build['id']}",
    )


def test_a_build_under_way_is_told_with_what_shows_it(
    run: Run, server: StandIn
) -> None:
    server.statuses = [200, 409]
    server.bodies = as_json([a_launcher(name="my course")], {"error": {}})

    said = run("--url", server.url, "rebuild", "my course")

    assert said.exit_code == 1
    assert "launcher 'my course' has a build under way already" in said.output
    assert "`relaunch cancel 'my course'` ends it" in said.output


@pytest.mark.parametrize("words", [["start"], ["run"]])
def test_a_launcher_without_an_image_says_how_its_newest_build_ended(
    run: Run, server: StandIn, words: list[str]
) -> None:
    latest = {
        "id": ulid(2),
        "state": "failed",
        "created_at": "2026-03-01T12:00:00Z",
        "failure": {"kind": "network", "message": "no such host"},
    }
    (server.body,) = as_json([a_launcher(latest_build=latest)])

    said = run("--url", server.url, "launcher", *words, "course")

    assert said.exit_code == 1
    assert said.output == (
        "Error: launcher 'course' has no image yet; its newest build: failed: no such "
        "host; `relaunch logs course --follow` shows more\n"
    )


def test_an_id_of_nothing_is_told_as_neither(run: Run, server: StandIn) -> None:
    server.status = 404
    one = f"01J{1:023d}"

    said = run("--url", server.url, "cancel", one)

    assert said.exit_code == 1
    assert f"neither a build nor a launcher '{one}'" in said.output


def test_an_explanation_of_nothing_names_the_nearest_launcher(
    run: Run, server: StandIn
) -> None:
    nothing = {"error": {"code": 1404, "message": "nothing is known of 'corse'"}}
    server.statuses = [404]
    server.bodies = as_json(nothing, [a_launcher()])

    said = run("--url", server.url, "explain", "corse")

    assert said.exit_code == 1
    assert said.output == (
        "Error: nothing is known of 'corse'; did you mean the launcher 'course'?\n"
    )


def test_two_launchers_of_one_name_are_told_apart_by_their_ids(
    run: Run, server: StandIn
) -> None:
    (server.body,) = as_json([a_launcher(1), a_launcher(2)])

    said = run("--url", server.url, "launcher", "show", "course")

    assert said.exit_code == 1
    assert "2 launchers are named 'course'" in said.output
    assert all(ulid(number) in said.output for number in (1, 2))


def test_a_launcher_s_id_wins_over_another_s_name(run: Run, server: StandIn) -> None:
    one = ulid(1)
    (server.body,) = as_json(a_launcher(1))

    said = run("--url", server.url, "launcher", "show", one.lower(), "-o", "json")

    assert json.loads(said.output)["name"] == "course"
    assert server.asked[0].path == f"/api/relaunch/session_launchers/{one.lower()}"


def test_a_launcher_of_a_ready_image_has_no_findings(run: Run, server: StandIn) -> None:
    (server.body,) = as_json(a_launcher(1, environment=READY_IMAGE))

    said = run("--url", server.url, "launcher", "show", ulid(1))

    assert said.exit_code == 0, said.output
    assert not [asked.path for asked in server.asked if "sources" in asked.path]


def test_a_list_is_read_to_its_end(run: Run, server: StandIn) -> None:
    first = [a_launcher(number) for number in range(1000)]
    last = [a_launcher(number) for number in range(999, 1005)]
    server.bodies = as_json(first, last)

    said = run("--url", server.url, "launcher", "list", "-o", "json")

    assert len(json.loads(said.output)) == 1005
    assert [asked.path.rpartition("?")[2] for asked in server.asked[1:]] == [
        "page=11&per_page=100"
    ]


def test_launchers_of_a_project_are_listed_with_all_that_is_known_of_them(
    run: Run, server: StandIn
) -> None:
    (server.body,) = as_json([a_launcher(update_policy="notify")])

    said = run("--url", server.url, "launcher", "list", "--project", ulid(0))

    assert "notify" in said.output
    (asked,) = server.asked
    assert asked.path == f"/api/relaunch/projects/{ulid(0)}/session_launchers"


def test_what_is_not_there_is_said_with_what_is(run: Run, server: StandIn) -> None:
    said = run("--url", server.url, "launcher", "show", "corse")

    assert said.exit_code == 1
    assert "there is no launcher 'corse'" in said.output


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["hook", "remove", "h"], "Remove hook h?"),
        (["dead-letters", "drop", "1", "2"], "Drop 2 for good?"),
    ],
)
def test_nothing_is_removed_without_a_yes(
    run: Run, server: StandIn, words: list[str], question: str
) -> None:
    said = run("--url", server.url, *words, stdin="n\n")

    assert question in said.output
    assert said.exit_code == 130
    assert server.asked == []


def test_a_url_that_is_none_is_told(run: Run) -> None:
    said = run("--url", "localhost:8080", "builds")

    assert said.exit_code == 1
    assert "'localhost:8080' is no URL" in said.output


def test_a_misspelt_setting_is_told(run: Run) -> None:
    said = run("builds", RELAUNCH_LISTN="x")

    assert said.exit_code == 1
    assert "did you mean RELAUNCH_LISTEN?" in said.output


def test_settings_are_printed_without_their_secrets(run: Run) -> None:
    said = run("settings")

    assert said.exit_code == 0
    assert "RELAUNCH_LISTEN=127.0.0.1:9\n" in said.output
    assert "t0ken" not in said.output
    assert "t0ken" not in run("settings", "-o", "json").output


def test_the_version_is_told_without_a_service(run: Run) -> None:
    said = run("version")

    assert said.exit_code == 0
    assert "service  not running" in said.output


def test_what_failed_is_asked_for_again_until_nothing_is_left(
    run: Run, server: StandIn
) -> None:
    def page(name: str, left: int) -> bytes:
        asked = {
            "launcher_id": "l",
            "name": name,
            "environment_id": "e",
            "failed_build_id": "f",
            "failure": "network",
            "failed_at": "2026-03-01T12:00:00Z",
            "build_id": "b",
        }
        return json.dumps({"requested": [asked], "left": left}).encode()

    server.bodies = [page("first", 1), page("second", 0)]
    said = run(
        "--url",
        server.url,
        "rebuild",
        "--failed",
        "--since",
        "2h",
        "--class",
        "network",
    )
    wrong = run("--url", server.url, "rebuild", "--failed", "--since", "yesterday")

    assert said.exit_code == 0, said.output
    assert "first" in said.output
    assert said.output.endswith("Asked for again: 2.\n")
    body, again = [json.loads(request.body) for request in server.asked]
    assert body == again
    assert body["classes"] == ["network"]
    assert body["since"].endswith("+00:00")
    assert wrong.exit_code == 1
    assert "2h" in wrong.output


@pytest.mark.parametrize(
    "words", [[], ["x", "--failed"], ["x", "--since", "2h"], ["--failed", "--wait"]]
)
def test_a_rebuild_is_of_one_launcher_or_of_what_failed(
    run: Run, words: list[str]
) -> None:
    said = run("rebuild", *words)

    assert said.exit_code == 2
    assert "--failed" in said.output


def test_a_log_is_followed_to_the_end_of_its_build(run: Run, server: StandIn) -> None:
    ended = a_build(1, status="succeeded", state="succeeded", ended="built")
    waiting = {"kind": "cap", "message": "10 builds run", "until": None}
    stream = a_stream(
        ("waiting", waiting),
        ("line", {"phase": "build", "text": "one", "seq": 1}),
        ("end", {"status": "succeeded"}),
    )
    server.content_type = "text/event-stream"
    server.bodies = [*as_json(a_build(1)), stream, *as_json(ended)]

    said = run("--url", server.url, "logs", ulid(1), "--follow")

    assert said.exit_code == 0, said.output
    assert said.stdout == f"one\nBuild {ulid(1)} succeeded (built)\n"
    assert said.stderr == f"build {ulid(1)}: waiting because 10 builds run\n"


def test_a_line_of_a_log_that_is_none_is_told(run: Run, server: StandIn) -> None:
    server.content_type = "text/event-stream"
    server.bodies = [*as_json(a_build(1)), a_stream(("line", {"phase": "build"}))]

    said = run("--url", server.url, "logs", ulid(1), "--follow")

    assert said.exit_code == 1
    assert "the log of build" in said.output
    assert "answered without the field 'text', which was expected" in said.output


def a_stream(*events: tuple[str, object]) -> bytes:
    return "".join(
        f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events
    ).encode()


def test_a_payload_that_is_no_object_is_told(run: Run, server: StandIn) -> None:
    said = run("--url", server.url, "simulate", "-", stdin="[]")

    assert said.exit_code == 1
    assert said.output == "Error: the payload is no JSON object\n"
    assert server.asked == []
