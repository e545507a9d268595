"""Builds over REST: what an environment asked for."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from service.domain.building.build import BuildState
from service.domain.building.failure import Failure, FailureClass
from service.events.envelope import data_of
from service.events.models import BuildFinished, EvaluationRequested
from tests.support.api import Api
from tests.support.repos import Repo

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def test_a_succeeded_build_has_renkus_result(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)

    (build,) = await api.get(f"/environments/{made['environment']['id']}/builds")

    work = build["work_id"]
    assert work
    assert work != build["id"]
    assert build == {
        "id": build["id"],
        "environment_id": made["environment"]["id"],
        "created_at": "2026-03-01T12:00:00Z",
        "status": "succeeded",
        "result": {
            "image": made["environment"]["container_image"],
            "completed_at": "2026-03-01T12:00:00Z",
            "repository_url": repo.url,
            "repository_git_commit_sha": repo.tip(),
        },
        "launcher_id": made["id"],
        "source_id": made["source_id"],
        "work_id": work,
        "state": "succeeded",
        "reason": "launcher",
        "ended": "built",
        "commit": repo.tip(),
        "started_at": "2026-03-01T12:00:00Z",
        "completed_at": "2026-03-01T12:00:00Z",
        "packages": 1,
    }
    assert build == await api.get(f"/builds/{build['id']}")
    assert build == await api.get(f"/builds/{build['id'].lower()}")
    assert [build] == await api.get("/builds?limit=1")


async def test_a_build_whose_source_nobody_saw_has_no_commit_and_no_place(
    api: Api, repo: Repo
) -> None:
    await api.add_launcher(repo.url)

    (build,) = await api.get("/builds")

    assert (build["status"], build["state"]) == ("in_progress", "queued")
    assert build["waiting"]["kind"] == "evaluation"
    unknown = {"result", "commit", "error_reason", "failure", "ended", "queue_position"}
    assert not unknown & set(build)


async def test_a_build_says_that_its_forge_is_away_and_when_it_is_asked_again(
    api: Api,
) -> None:
    made = await api.add_launcher("http://127.0.0.1:9/owner/course")
    await api.world.settle()

    (build,) = await api.get("/builds")
    (launcher,) = await api.get("/session_launchers")
    explanation = await api.get(f"/explanations?of={made['id']}")

    message = build["waiting"]["message"]
    assert "127.0.0.1" in message
    assert message.endswith(" (tried 1 of 6)")
    assert build["waiting"] == {
        "kind": "remote",
        "message": message,
        "until": "2026-03-01T12:00:05Z",
        "attempt": 1,
        "attempts": 6,
    }
    assert launcher["latest_build"]["waiting"] == build["waiting"]
    assert any(
        f"because {message}; again at 12:00:05 UTC" in line
        for line in explanation["lines"]
    )
    assert not {"queue_position", "expected_at"} & set(build)


async def test_a_retry_says_what_failed_and_forgets_it_when_it_starts(
    api: Api, repo: Repo
) -> None:
    await api.add_launcher(repo.url)
    await api.world.settle()
    api.world.builder.fail(FailureClass.NETWORK)
    await api.world.settle()

    (waits,) = await api.get("/builds")
    await api.world.later(60)
    (runs,) = await api.get("/builds")

    assert waits["waiting"]["kind"] == "retry"
    assert waits["waiting"]["message"].endswith("(tried 1 of 3)")
    assert "until" in waits["waiting"]
    assert "expected_at" not in waits
    assert runs["state"] == "running"
    assert not {"waiting", "failure"} & set(runs)


async def test_a_build_that_its_builder_cannot_start_says_why_until_it_starts(
    api: Api, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    hindrance = Failure(
        kind=FailureClass.NOT_ADMITTED, message="the quota few is full", hint="wait"
    )
    api.world.builder.hinder(hindrance)
    await api.world.settle()

    (waits,) = await api.get("/builds")
    (launcher,) = await api.get("/session_launchers")
    explanation = await api.get(f"/explanations?of={made['id']}")
    api.world.builder.hinder(None)
    await api.world.settle()
    (goes_on,) = await api.get("/builds")
    api.world.builder.succeed()
    await api.world.settle()
    (done,) = await api.get("/builds")

    assert waits["state"] == "running"
    assert waits["waiting"] == {
        "kind": "builder",
        "message": "the quota few is full",
        "failure": {
            "kind": "not_admitted",
            "message": "the quota few is full",
            "hint": "wait",
        },
    }
    (event,) = (item for item in api.world.events if item.name == "build.waiting.v2")
    assert event.data["hindrance"]["kind"] == "not_admitted"
    assert "rebuild_ids" not in event.data
    assert launcher["latest_build"]["waiting"] == waits["waiting"]
    assert any("because the quota few is full" in line for line in explanation["lines"])
    assert not {"waiting", "failure"} & (set(goes_on) | set(done))
    assert done["state"] == "succeeded"


async def test_builds_beyond_the_caps_say_how_many_run(
    api: Api, tmp_path: Path
) -> None:
    for number in range(6):
        repo = Repo(tmp_path / f"course-{number}.git")
        repo.commit({"requirements.txt": f"six==1.{number}\n"})
        await api.add_launcher(repo.url, name=f"course-{number}")
    await api.world.settle()

    found = [build.get("waiting") for build in reversed(await api.get("/builds"))]

    assert [item and item["message"] for item in found] == [
        *[None] * 4,
        "4 of 4 builds run",
        "4 of 4 builds run; 1 before it",
    ]


async def test_a_launcher_shows_why_its_last_build_failed(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await api.world.settle()

    (listed,) = await api.get("/session_launchers")

    assert listed["latest_build"]["state"] == "failed"
    assert listed["latest_build"]["failure"]["kind"] == "no_such_package"
    assert listed == await api.get(f"/session_launchers/{made['id']}")


async def test_a_build_says_when_it_should_be_done(api: Api, repo: Repo) -> None:
    await api.add_launcher(repo.url)
    await api.world.settle()
    api.world.clock.advance(timedelta(minutes=2))
    api.world.builder.succeed()
    await api.world.settle()
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await api.world.push(repo.repository)
    await api.world.later(5)

    running, done = await api.get("/builds")

    assert await api.get("/builds?state=running") == [running]
    assert await api.get("/builds?state=succeeded&limit=1") == [done]
    assert await api.get("/builds?state=queued") == []
    odd = await api.call("GET", "/builds?state=ended")
    assert odd.status == 422

    began = datetime.fromisoformat(running["started_at"])
    expected = datetime.fromisoformat(running["expected_at"])
    assert expected - began == timedelta(minutes=2)
    assert "expected_at" not in done


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (FailureClass.NO_SUCH_PACKAGE, "Failed"),
        (FailureClass.DEADLINE, "BuildRunTimeout"),
        (FailureClass.OUT_OF_MEMORY, "StepOutOfMemory"),
    ],
)
async def test_a_failed_build_says_why_in_renkus_word_and_in_ours(
    api: Api, repo: Repo, kind: FailureClass, word: str
) -> None:
    await api.add_launcher(repo.url)
    await api.world.settle()
    api.world.builder.fail(kind)
    await api.world.settle()

    (build,) = await api.get("/builds")

    assert build["status"] == "failed"
    assert build["error_reason"] == word
    assert build["failure"] == {
        "kind": kind.word,
        "message": "It failed as the test said.",
    }
    assert build["ended"] == kind.word
    assert "result" not in build


async def test_a_person_may_build_afresh(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    environment = made["environment"]["id"]

    answer = await api.call("POST", f"/environments/{environment}/builds")

    assert answer.status == 201
    assert answer.json["status"] == "in_progress"
    assert answer.json["reason"] == "manual"
    (event,) = await api.spooled()
    data = data_of(event)
    assert isinstance(data, EvaluationRequested)
    assert (data.trigger, data.source_ids, data.rebuild_ids) == (
        "manual",
        (made["source_id"],),
        (answer.json["id"],),
    )
    await api.world.settle()
    image = api.world.builder.succeed()
    await api.world.settle()
    found = await api.get(f"/session_launchers/{made['id']}")
    assert found["environment"]["container_image"] == image
    builds = await api.get(f"/environments/{environment}/builds")
    assert [build["reason"] for build in builds] == ["manual", "launcher"]


async def test_one_build_at_a_time_as_in_renku(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    environment = made["environment"]["id"]

    waiting = await api.call("POST", f"/environments/{environment}/builds")
    await api.world.settle()
    running = await api.call("POST", f"/environments/{environment}/builds")

    for answer in (waiting, running):
        assert answer.status == 409
        assert answer.json["error"] == {
            "code": 1409,
            "message": f"Session environment with id '{environment}' already has a "
            "build in progress.",
        }


async def test_of_many_who_ask_at_once_one_is_served(live: Api, repo: Repo) -> None:
    made = await live.add_built_launcher(repo.url)
    path = f"/environments/{made['environment']['id']}/builds"

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(live.call("POST", path)) for _ in range(8)]

    assert sorted(task.result().status for task in asked) == [201] + [409] * 7


async def test_a_machines_build_that_waits_is_in_progress_too_unless_one_may_queue(
    api: Api, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    environment = made["environment"]["id"]
    api.world.builder.refuse(10)
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await api.world.push(repo.repository)
    await api.world.later(60)
    (automatic, _) = await api.get(f"/environments/{environment}/builds")
    assert (automatic["state"], automatic["reason"]) == ("queued", "push")

    refused = await api.call("POST", f"/environments/{environment}/builds")
    queued = await api.call("POST", f"/environments/{environment}/builds?queue=true")

    assert (refused.status, queued.status) == (409, 201)


async def test_a_queued_build_waits_for_the_running_one_and_shares_its_image(
    api: Api, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url)
    path = f"/environments/{made['environment']['id']}/builds"
    await api.world.settle()

    queued = await api.call("POST", f"{path}?queue=true")
    await api.world.settle()
    image = api.world.builder.succeed()
    await api.world.settle()

    assert queued.status == 201
    newest, first = await api.get(path)
    assert newest["id"] == queued.json["id"]
    assert [newest["result"]["image"], first["result"]["image"]] == [image, image]
    assert not api.world.builder.running


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_environment_is_not_found(api: Api, method: str) -> None:
    for environment in (ULID, "x"):
        answer = await api.call(method, f"/environments/{environment}/builds")

        assert answer.status == 404
        assert answer.json["error"]["code"] == 1404


@pytest.mark.parametrize("is_running", [False, True], ids=["queued", "running"])
async def test_a_build_can_be_cancelled_again_and_again(
    api: Api, repo: Repo, *, is_running: bool
) -> None:
    await api.add_launcher(repo.url)
    if is_running:
        await api.world.settle()
    (build,) = await api.get("/builds")

    first = await api.call("PATCH", f"/builds/{build['id']}", {"status": "cancelled"})
    event = (await api.spooled())[-1]
    second = await api.call("PATCH", f"/builds/{build['id']}", {"status": "cancelled"})

    assert (first.status, second.status) == (200, 200)
    assert first.json == second.json
    assert (first.json["status"], first.json["state"]) == ("cancelled", "cancelled")
    assert (await api.rebuild(build["id"])).state is BuildState.CANCELLED
    data = data_of(event)
    assert isinstance(data, BuildFinished)
    assert (data.outcome, data.rebuild_id) == ("cancelled", build["id"])
    assert (data.build_id is not None) is is_running
    if is_running:
        await api.world.settle()
        assert api.world.builder.running == []


async def test_a_finished_build_cannot_be_cancelled(api: Api, repo: Repo) -> None:
    await api.add_built_launcher(repo.url)
    (build,) = await api.get("/builds")

    answer = await api.call("PATCH", f"/builds/{build['id']}", {"status": "cancelled"})

    assert answer.status == 422
    assert answer.json["error"]["message"] == (
        f"Cannot update build with id '{build['id']}': the build has status succeeded."
    )


@pytest.mark.parametrize(
    "body", [{"status": "succeeded"}, {"status": "cancelled", "x": 1}, [], 1]
)
async def test_a_build_takes_no_other_change(
    api: Api, repo: Repo, body: object
) -> None:
    await api.add_launcher(repo.url)
    (build,) = await api.get("/builds")

    answer = await api.call("PATCH", f"/builds/{build['id']}", body)

    assert (answer.status, answer.json["error"]["code"]) == (422, 1422)


async def test_logs_are_told_by_phase_from_their_end(api: Api, repo: Repo) -> None:
    await api.add_launcher(repo.url)
    (build,) = await api.get("/builds")
    path = f"/builds/{build['id']}/logs"
    assert await api.get(path) == {}
    await api.world.settle()
    await api.log(build["id"], "cloning", phase="clone")
    await api.log(build["id"], *(f"line {n}" for n in range(2500)))

    by_default = await api.get(path)
    short = await api.get(f"{path}?max_lines=2")

    assert by_default["clone"] == "cloning"
    assert by_default["build"].splitlines()[0] == "line 2250"
    assert len(by_default["build"].splitlines()) == 250
    assert short == {"clone": "cloning", "build": "line 2498\nline 2499"}


@pytest.mark.parametrize("query", ["max_lines=0", "max_lines=x", "max_lines=-1"])
async def test_a_wrong_number_of_lines_is_refused(
    api: Api, repo: Repo, query: str
) -> None:
    await api.add_launcher(repo.url)
    (build,) = await api.get("/builds")

    answer = await api.call("GET", f"/builds/{build['id']}/logs?{query}")

    assert answer.status == 422


@pytest.mark.parametrize("limit", ["0", "1001", "many", ""])
async def test_a_wrong_limit_is_refused(api: Api, limit: str) -> None:
    answer = await api.call("GET", f"/builds?limit={limit}")

    assert answer.status == 422
    assert "limit" in answer.json["error"]["message"]


async def test_whoever_offers_a_choice_learns_what_is_built_here(api: Api) -> None:
    api.world.builder.lacks = "vscodium"
    api.world.builder.lacks_platform = "linux/arm64"

    answer = await api.get("/build_options")

    assert answer["builder_variants"] == ["python"]
    assert answer["frontend_variants"] == ["jupyterlab", "ttyd", "infer", "none"]
    assert answer["platforms"] == ["linux/amd64"]
