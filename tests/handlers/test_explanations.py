"""Explanations: the way from a delivery to a launcher."""

from datetime import timedelta

from service.domain.building.build import Image, Package, PhaseTime
from service.domain.building.failure import FailureClass
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.ports.builder import Finished
from service.ports.store import DeliveryRecord
from tests.support.api import Api
from tests.support.clock import NOW
from tests.support.repos import Repo

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def push(api: Api, repo: Repo, pins: str) -> str:
    api.world.clock.advance(timedelta(seconds=1))
    repo.commit({"requirements.txt": pins})
    delivery = await api.world.push(repo.repository)
    await api.world.later(60)
    return delivery


def succeed_with(api: Api, *packages: tuple[str, str]) -> None:
    """End the running build with an image of these packages."""
    (build,) = api.world.builder.running
    image = Image(
        reference=f"told@sha256:{build.rjust(64, '0')}".lower(),
        size=1,
        packages=tuple(
            Package(name=name, version=package) for name, package in packages
        ),
        built_at=NOW,
        build_id=build,
    )
    api.world.builder._states[build] = Finished(outcome=image, at=NOW)


async def test_a_delivery_is_told_to_its_end(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    succeed_with(api, ("six", "1.16.0"), ("wheel", "1"), ("pip", "24"))
    await api.world.settle()
    old = repo.tip()
    delivery = await push(api, repo, "six==1.17.0\nattrs\n")
    succeed_with(api, ("six", "1.17.0"), ("attrs", "25"), ("pip", "24"))
    await api.world.settle()

    explanation = await api.get(f"/explanations?of={delivery}")

    assert explanation["about"] == "delivery"
    (evaluation,) = explanation["evaluations"]
    assert evaluation["evaluation"]["verdict"] == "changed"
    files = {file["path"]: file for file in evaluation["files"]}
    assert files["requirements.txt"]["change"] == "changed"
    blobs = {
        commit: repo.git("rev-parse", f"{commit}:requirements.txt").decode().strip()
        for commit in (old, repo.tip())
    }
    assert files["requirements.txt"]["old"] == blobs[old]
    assert files["requirements.txt"]["new"] == blobs[repo.tip()]
    (build,) = evaluation["builds"]
    assert build["launcher_name"] == "course"
    assert build["serves"] is True
    assert build["packages"]["added"] == [{"name": "attrs", "new": "25"}]
    assert build["packages"]["removed"] == [{"name": "wheel", "old": "1"}]
    assert build["packages"]["changed"] == [
        {"name": "six", "old": "1.16.0", "new": "1.17.0"}
    ]
    told = "\n".join(explanation["lines"])
    expected = [
        "push to refs/heads/main",
        "It was accepted (tracked)",
        "was evaluated after a push",
        "Verdict: changed (definition_changed).",
        "requirements.txt (definition) changed",
        "Launcher course asked for build",
        "Added: attrs 25.",
        "Removed: wheel 1.",
        "Changed: six 1.16.0 → 1.17.0.",
        "Launcher course starts from it now.",
    ]
    places = [told.find(text) for text in expected]
    assert -1 not in places, told
    assert places == sorted(places)
    assert made["id"] in {item["build"]["launcher_id"] for item in evaluation["builds"]}


async def test_a_build_that_worked_tells_its_phases(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    again = await api.add_launcher(repo.url)
    await api.world.settle()
    seconds = {"clone": 2, "detect": 0, "build": 41.26}
    api.world.builder.succeed(
        phases=tuple(
            PhaseTime(name=name, took=timedelta(seconds=number))
            for name, number in seconds.items()
        )
    )
    await api.world.settle()
    late = await api.add_launcher(repo.url)
    await api.world.settle()

    told = {build["launcher_id"]: build for build in await api.get("/builds")}
    explanation = await api.get(f"/explanations?of={told[made['id']]['id']}")

    assert told[made["id"]]["phases"] == told[again["id"]]["phases"]
    assert told[made["id"]]["phases"] == [
        {"name": "clone", "seconds": 2.0},
        {"name": "detect", "seconds": 0.0},
        {"name": "build", "seconds": 41.3},
    ]
    assert "  Its phases: clone 2 s, build 41.3 s." in explanation["lines"]
    assert told[late["id"]]["ended"] == "reused"
    assert "phases" not in told[late["id"]]


async def test_every_end_of_a_thread_finds_it(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    delivery = await push(api, repo, "six==1.17.0\n")
    api.world.builder.succeed()
    await api.world.settle()
    newest, _ = await api.get("/builds")
    evaluations = await api.get(f"/sources/{made['source_id']}/evaluations")
    ends = {
        delivery: "delivery",
        repo.tip()[:7]: "commit",
        repo.tip().upper(): "commit",
        made["id"]: "launcher",
        made["id"].lower(): "launcher",
        "course": "launcher",
        newest["id"]: "build",
        await api.build_of(newest["id"]): "build",
        evaluations[0]["id"]: "evaluation",
    }

    for text, about in ends.items():
        explanation = await api.get(f"/explanations?of={text}")

        assert explanation["about"] == about, text
        told = [
            build["build"]["id"]
            for one in explanation["evaluations"]
            for build in one["builds"]
        ]
        assert newest["id"] in told, text
        assert "Launcher course starts from it now." in explanation["lines"], text


async def test_a_failure_is_told_and_that_the_launcher_stays(
    api: Api, repo: Repo
) -> None:
    await api.add_built_launcher(repo.url)
    delivery = await push(api, repo, "no-such-package\n")
    api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await api.world.settle()

    lines = (await api.get(f"/explanations?of={delivery}"))["lines"]

    told = "\n".join(lines)
    assert "it failed" in told
    assert "(no_such_package): It failed as the test said." in told
    assert "A failed build moves no launcher: course keeps what it had." in told


async def test_a_story_is_told_in_the_order_of_time(api: Api, repo: Repo) -> None:
    await api.add_built_launcher(repo.url)
    for pin in ("1.15.0", "1.17.0"):
        await push(api, repo, f"six=={pin}\n")
        api.world.builder.succeed()
        await api.world.settle()

    lines = (await api.get("/explanations?of=course"))["lines"]

    kinds = [
        "evaluation" if "was evaluated" in line else "push"
        for line in lines
        if "was evaluated" in line or "arrived through" in line
    ]
    assert kinds == ["evaluation", "push", "evaluation", "push", "evaluation"]


async def test_what_has_not_happened_yet_is_said(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    (build,) = await api.get("/builds")
    delivery = DeliveryId("d-waiting")
    async with api.world.store.transaction() as tx:
        await tx.deliveries.record([a_record(delivery, "accepted")])

    of_build = await api.get(f"/explanations?of={build['id']}")
    of_launcher = await api.get(f"/explanations?of={made['id']}")
    of_delivery = await api.get(f"/explanations?of={delivery}")

    gap = "The evaluation has not happened yet"
    for explanation in (of_build, of_launcher, of_delivery):
        assert any(line.startswith(gap) for line in explanation["lines"]), explanation[
            "lines"
        ]
    assert [item["id"] for item in of_build["waiting"]] == [build["id"]]


async def test_an_ignored_delivery_is_explained_by_its_reason(api: Api) -> None:
    async with api.world.store.transaction() as tx:
        await tx.deliveries.record([a_record("d-ignored", "ignored")])

    by_id = await api.get("/explanations?of=d-ignored")
    by_forge = await api.get("/explanations?of=forge-d-ignored")
    by_commit = await api.get("/explanations?of=2222222")

    assert by_id["lines"][-1] == "It was ignored (a_reason): A sentence."
    assert by_forge["lines"] == by_id["lines"] == by_commit["lines"]
    assert by_commit["about"] == "commit"


def a_record(name: str, status: str) -> DeliveryRecord:
    return DeliveryRecord(
        id=DeliveryId(name),
        hook_id=HookId("hook-1"),
        forge_delivery_id=f"forge-{name}",
        event="push",
        status=status,
        reason="a_reason",
        message="A sentence.",
        repository="me/course",
        ref="refs/heads/main",
        before="1" * 40,
        after="2" * 40,
        headers={},
        received_at=NOW,
    )


async def test_a_removed_launcher_does_not_spoil_its_story(
    api: Api, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    (build,) = await api.get("/builds")
    await api.call("DELETE", f"/session_launchers/{made['id']}")

    explanation = await api.get(f"/explanations?of={build['id']}")

    assert any("(removed since)" in line for line in explanation["lines"])


async def test_nothing_is_explained_that_is_not_there(api: Api) -> None:
    for text in ("nothing", ULID, "abcdef0", "%C3%A9", "a%20b"):
        answer = await api.call("GET", f"/explanations?of={text}")

        assert (answer.status, answer.json["error"]["code"]) == (404, 1404)
    for query in ("", "?of=", "?of=a&of=b", "?of=%00", "?of=" + "x" * 501):
        answer = await api.call("GET", f"/explanations{query}")

        assert (answer.status, answer.json["error"]["code"]) == (422, 1422)
