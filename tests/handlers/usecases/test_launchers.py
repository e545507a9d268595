"""Session launchers over REST: changed, moved, removed."""

import pytest

from service.domain.building.build import BuildState
from service.events.envelope import data_of
from service.events.models import BuildFinished
from tests.support.api import Api
from tests.support.repos import Repo


async def test_a_patch_changes_what_it_names_and_no_more(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(
        repo.url, description="old", resource_class_id=3
    )

    answer = await api.call(
        "PATCH",
        f"/session_launchers/{made['id']}",
        {
            "name": "renamed",
            "description": None,
            "update_policy": "notify",
            "disk_storage": 5,
            "environment": {"command": ["bash", "-c"], "args": ["streamlit run a.py"]},
        },
    )

    assert answer.status == 200
    found = answer.json
    assert found == await api.get(f"/session_launchers/{made['id']}")
    assert "description" not in found
    assert found["resource_class_id"] == 3
    # As in Renku, an environment keeps the name that it was made with.
    environment = made["environment"] | {
        "command": ["bash", "-c"],
        "args": ["streamlit run a.py"],
    }
    assert found["environment"] == environment
    assert (found["name"], found["update_policy"]) == ("renamed", "notify")
    assert len(await api.get(f"/environments/{environment['id']}/builds")) == 1


async def test_a_schedule_tells_when_it_is_due_or_why_it_is_not(
    api: Api, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url, rebuild_schedule="monthly")
    path = f"/session_launchers/{made['id']}"
    manual = await api.call("PATCH", path, {"update_policy": "manual"})
    explanation = await api.get(f"/explanations?of={made['id']}")
    weekly = await api.call(
        "PATCH", path, {"update_policy": "automatic", "rebuild_schedule": "weekly"}
    )
    told = await api.get(f"/explanations?of={made['id']}")

    monthly_at, weekly_at = made["next_rebuild_at"], weekly.json["next_rebuild_at"]
    assert "2026-03-31T12:00" <= monthly_at < "2026-04-01T12:01"
    assert "2026-03-08T12:00" <= weekly_at < "2026-03-09T12:01"
    assert "next_rebuild_at" not in manual.json
    note = "its policy is manual: only a person's rebuild builds"
    assert manual.json["next_rebuild_note"] == note
    assert (
        f"It is not built anew monthly by its schedule now: {note}."
        in explanation["lines"]
    )
    next_at = f"{weekly_at[:10]} {weekly_at[11:16]} UTC"
    assert (
        f"It is built anew weekly by its schedule, next at {next_at}." in told["lines"]
    )


async def test_another_branch_is_built_at_once(api: Api, repo: Repo) -> None:
    repo.commit({"requirements.txt": "six==1.17.0\n"}, branch="next")
    made = await api.add_built_launcher(repo.url)
    before = made["environment"]["container_image"]

    changed = await api.call(
        "PATCH",
        f"/session_launchers/{made['id']}",
        {"environment": {"build_parameters": {"repository_revision": "next"}}},
    )
    await api.world.settle()
    image = api.world.builder.succeed()
    await api.world.settle()

    assert changed.json["source_id"] != made["source_id"]
    found = await api.get(f"/session_launchers/{made['id']}")
    assert found["environment"]["container_image"] == image != before
    assert found["environment"]["build_parameters"]["repository_revision"] == "next"
    newest, _ = await api.get(f"/environments/{made['environment']['id']}/builds")
    assert newest["commit"] == repo.tip("refs/heads/next")


async def test_an_empty_text_resets_revision_and_folder(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(
        repo.url, environment={"repository_revision": "main", "context_dir": "x"}
    )
    parameters = {"repository_revision": "", "context_dir": ""}

    changed = await api.call(
        "PATCH",
        f"/session_launchers/{made['id']}",
        {"environment": {"build_parameters": parameters}},
    )

    found = changed.json["environment"]["build_parameters"]
    assert "repository_revision" not in found
    assert "context_dir" not in found


async def test_what_waits_for_the_old_parameters_is_superseded(
    api: Api, repo: Repo
) -> None:
    """Its source is not followed any more: no look would ever answer it."""
    repo.commit({"requirements.txt": "six==1.17.0\n"}, branch="next")
    made = await api.add_launcher(repo.url)
    (first,) = await api.get(f"/environments/{made['environment']['id']}/builds")

    await api.call(
        "PATCH",
        f"/session_launchers/{made['id']}",
        {"environment": {"build_parameters": {"repository_revision": "next"}}},
    )
    await api.world.settle()
    api.world.builder.succeed()
    await api.world.settle()

    builds = await api.get(f"/environments/{made['environment']['id']}/builds")
    assert [build["state"] for build in builds] == ["succeeded", "superseded"]
    assert builds[1]["id"] == first["id"]
    assert builds[1]["status"] == "cancelled"


async def test_the_same_parameters_again_build_nothing(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)

    await api.call(
        "PATCH",
        f"/session_launchers/{made['id']}",
        {
            "environment": {
                "build_parameters": made["environment"]["build_parameters"],
                "environment_image_source": "build",
            }
        },
    )

    assert len(await api.get("/builds")) == 1


async def test_a_pair_that_does_not_fit_is_refused_in_a_patch_too(api: Api) -> None:
    made = await api.add_launcher("https://github.com/me/x")

    answer = await api.call(
        "PATCH",
        f"/session_launchers/{made['id']}",
        {"environment": {"build_parameters": {"frontend_variant": "rstudio"}}},
    )

    assert answer.status == 422
    assert answer.json["error"]["message"].startswith("Invalid combination: builder")
    assert await api.get(f"/session_launchers/{made['id']}") == made


async def test_a_launcher_of_a_ready_image_needs_the_image(api: Api) -> None:
    made = await api.add_launcher("https://github.com/me/x")

    answer = await api.call(
        "PATCH",
        f"/session_launchers/{made['id']}",
        {"environment": {"environment_image_source": "image"}},
    )

    assert answer.status == 422
    assert "container_image: Field required" in answer.json["error"]["message"]


async def test_removing_a_launcher_cancels_what_it_waits_for(
    api: Api, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    (build,) = await api.get("/builds")

    answer = await api.call("DELETE", f"/session_launchers/{made['id']}")

    assert (answer.status, answer.text) == (204, "")
    assert (await api.rebuild(build["id"])).state is BuildState.CANCELLED
    (event,) = await api.spooled()
    data = data_of(event)
    assert isinstance(data, BuildFinished)
    assert (data.outcome, data.rebuild_id) == ("cancelled", build["id"])
    await api.world.settle()
    assert api.world.builder.running == []
    assert (await api.call("GET", f"/session_launchers/{made['id']}")).status == 404
    assert (await api.get(f"/builds/{build['id']}"))["status"] == "cancelled"


async def test_a_told_launcher_moves_when_a_person_says_so(
    api: Api, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url, update_policy="notify")
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await api.world.push(repo.repository)
    await api.world.later(60)
    image = api.world.builder.succeed()
    await api.world.settle()

    told = await api.get(f"/session_launchers/{made['id']}")
    moved = await api.call(
        "POST", f"/session_launchers/{made['id']}/move", {"image": "available"}
    )

    assert told["available_image"] == image
    assert told["outdated"] is True
    assert told["environment"]["container_image"] != image
    assert moved.status == 200
    assert moved.json["environment"]["container_image"] == image
    assert moved.json["outdated"] is False
    assert "available_image" not in moved.json
    await api.world.settle()
    assert api.world.events[-1].name == "launcher.updated.v1"


async def test_after_a_revert_the_older_offer_is_none_any_more(
    api: Api, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url, update_policy="notify")
    for pin in ("1.17.0", "1.16.0"):
        repo.commit({"requirements.txt": f"six=={pin}\n"})
        await api.world.push(repo.repository)
        await api.world.later(60)
        if api.world.builder.running:
            api.world.builder.succeed()
            await api.world.settle()

    found = await api.get(f"/session_launchers/{made['id']}")

    assert "available_image" not in found
    assert found["outdated"] is False


@pytest.mark.parametrize(
    ("body", "status"),
    [({"image": "available"}, 409), ({"image": "other"}, 422), ({}, 422)],
)
async def test_there_is_nothing_to_move_to(
    api: Api, repo: Repo, body: dict[str, str], status: int
) -> None:
    made = await api.add_built_launcher(repo.url)

    answer = await api.call("POST", f"/session_launchers/{made['id']}/move", body)

    assert answer.status == status
    assert answer.json["error"]["code"] == 1000 + status
