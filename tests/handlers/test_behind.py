"""Launchers that are behind: what people did to them, and what they are told."""

from typing import Any

from service.domain.building.failure import FailureClass
from tests.support.api import Api
from tests.support.repos import Repo


async def outdated(api: Api, repo: Repo, **fields: object) -> Any:
    """Add a launcher and push another definition, which nobody built yet."""
    launcher = await api.add_built_launcher(repo.repository.url, **fields)
    for _ in range(2):
        await api.world.later(30)
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await api.world.push(repo.repository)
    await api.world.settle()
    return launcher


async def explanation(api: Api, launcher: Any) -> Any:
    return await api.get(f"/explanations?of={launcher['id']}")


async def test_another_policy_asks_at_once_for_what_is_missing(
    api: Api, repo: Repo
) -> None:
    launcher = await outdated(api, repo, update_policy="manual")
    manual = (await explanation(api, launcher))["behind"]
    changed = {"update_policy": "automatic"}
    await api.call("PATCH", f"/session_launchers/{launcher['id']}", changed)
    await api.world.settle()

    assert manual == "Its policy is manual: it waits for a person."
    assert len(api.world.builder.running) == 1


async def test_another_policy_takes_what_was_offered(api: Api, repo: Repo) -> None:
    launcher = await outdated(api, repo, update_policy="notify")
    image = api.world.builder.succeed()
    await api.world.settle()
    answer = await api.call(
        "PATCH",
        f"/session_launchers/{launcher['id']}",
        {"update_policy": "automatic"},
    )

    assert answer.json["environment"]["container_image"] == image
    assert answer.json["outdated"] is False


async def test_a_cancelled_build_says_when_it_is_tried_again(
    api: Api, repo: Repo
) -> None:
    launcher = await outdated(api, repo)
    path = f"/environments/{launcher['environment']['id']}/builds"
    build = (await api.get(path))[0]
    await api.call("PATCH", f"/builds/{build['id']}", {"status": "cancelled"})
    await api.world.settle()
    await api.world.later(5)
    told = await explanation(api, launcher)
    held = len(api.world.builder.running)
    await api.world.later(900)

    assert f"build {build['id']} was cancelled by a person" in told["behind"]
    assert "set the policy to manual" in told["behind"]
    assert told["behind"] in told["lines"]
    assert held == 0
    assert len(api.world.builder.running) == 1


async def test_a_definition_that_failed_for_good_says_so(api: Api, repo: Repo) -> None:
    launcher = await outdated(api, repo)
    api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await api.world.settle()
    for _ in range(3):
        await api.world.later(4000)

    assert "(no_such_package)" in (await explanation(api, launcher))["behind"]
    assert api.world.builder.running == []


async def test_a_definition_that_ran_into_a_limit_says_who_can_raise_it(
    api: Api, repo: Repo
) -> None:
    launcher = await outdated(api, repo)
    api.world.builder.fail(FailureClass.OUT_OF_MEMORY)
    await api.world.settle()
    await api.world.later(5)

    told = await explanation(api, launcher)
    assert "(out_of_memory)" in told["behind"]
    assert "an operator sets another limit, or a person asks" in told["behind"]
