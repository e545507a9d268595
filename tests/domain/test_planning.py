from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.build import BuildKey, Rebuild, build_key
from service.domain.fingerprint import Fingerprint
from service.domain.launcher import Launcher, UpdatePolicy
from service.domain.planning import Known, Planned, next_generation, plan
from service.domain.push import Evidence
from service.domain.rollout import Step, step
from tests.support.ids import CountedIds
from tests.support.values import (
    a_definition,
    a_launcher,
    a_rebuild,
    a_recipe,
    a_source,
    an_evaluation,
)

PAUSE = timedelta(minutes=15)


def planned(launcher: Launcher, *wishes: Rebuild, meaning: str = "e" * 64) -> Planned:
    (result,) = plan(
        an_evaluation(),
        a_definition(meaning=Fingerprint(meaning)),
        Known(launchers=[launcher], wishes=wishes, pause=PAUSE),
        recipe=lambda it: a_recipe(frontend=it.frontend),
        new_id=CountedIds().new,
    )
    return result


def wanting(launcher: Launcher) -> Launcher:
    """The launcher as it is after its definition was evaluated once."""
    return planned(launcher).launcher


def served(launcher: Launcher) -> Launcher:
    """The launcher on the image that it wants."""
    return replace(launcher, image="an-image", image_key=launcher.wanted_key)


def test_a_launcher_whose_definition_changed_asks_for_an_image() -> None:
    launcher = wanting(a_launcher())

    result = planned(launcher, meaning="d" * 64)

    (rebuild,) = result.rebuilds
    assert rebuild.plan is not None
    assert rebuild.plan.key == result.launcher.wanted_key != launcher.wanted_key
    assert rebuild.plan.generation == result.launcher.wanted_generation == 2


def test_a_launcher_that_wants_this_image_already_asks_for_nothing() -> None:
    launcher = served(wanting(a_launcher()))

    assert planned(launcher).rebuilds == ()


def test_a_launcher_that_wants_an_image_which_nothing_leads_to_asks_again() -> None:
    launcher = wanting(a_launcher())

    assert len(planned(launcher).rebuilds) == 1


def test_a_plan_knows_what_its_definition_declares() -> None:
    (result,) = plan(
        an_evaluation(),
        a_definition(declared=("numpy", "pandas")),
        Known(launchers=[a_launcher()], pause=PAUSE),
        recipe=lambda it: a_recipe(frontend=it.frontend),
        new_id=CountedIds().new,
    )

    assert result.rebuilds[0].plan is not None
    assert result.rebuilds[0].plan.declared == ("numpy", "pandas")


def test_another_frontend_asks_for_an_image_of_the_same_definition() -> None:
    launcher = replace(wanting(a_launcher()), frontend="jupyterlab")

    assert len(planned(launcher).rebuilds) == 1


def test_a_manual_launcher_is_only_marked_outdated() -> None:
    launcher = replace(wanting(a_launcher()), policy=UpdatePolicy.MANUAL)

    result = planned(launcher, meaning="d" * 64)

    assert result.rebuilds == ()
    assert result.launcher.wanted_key != launcher.wanted_key


def test_a_wish_gets_its_plan_though_nothing_changed() -> None:
    wish = a_rebuild(plan=None, evidence=Evidence.MANUAL, is_fresh=True)

    result = planned(wanting(a_launcher()), wish)

    (rebuild,) = result.rebuilds
    assert rebuild.id == wish.id
    assert rebuild.is_fresh
    assert rebuild.plan is not None


def test_a_wish_of_another_launcher_is_left_alone() -> None:
    wish = a_rebuild(plan=None, launcher_id="launcher-2")

    assert planned(served(wanting(a_launcher())), wish).rebuilds == ()


def test_generations_grow_over_every_source_a_launcher_ever_followed() -> None:
    came_from_elsewhere = a_launcher(generation=7, wanted_generation=9)

    assert next_generation(a_source(generation=2), [came_from_elsewhere]) == 10
    assert next_generation(a_source(generation=2), []) == 3


@pytest.mark.parametrize(
    ("policy", "image", "evidence", "expected"),
    [
        pytest.param("automatic", "old", Evidence.PUSH, Step.MOVE, id="automatic"),
        pytest.param("notify", "old", Evidence.PUSH, Step.OFFER, id="told"),
        pytest.param("notify", None, Evidence.PUSH, Step.MOVE, id="has none yet"),
        pytest.param("notify", "old", Evidence.MANUAL, Step.MOVE, id="asked for"),
        pytest.param("manual", "old", Evidence.PUSH, Step.LEAVE, id="left alone"),
        pytest.param("manual", "old", Evidence.MANUAL, Step.MOVE, id="by hand"),
    ],
)
def test_a_launcher_answers_a_new_image_by_its_policy(
    policy: str, image: str | None, evidence: Evidence, expected: Step
) -> None:
    launcher = a_launcher(policy=UpdatePolicy(policy), image=image)

    assert step(launcher, a_rebuild(evidence=evidence)) is expected


def test_an_image_of_what_is_no_longer_followed_is_left_alone() -> None:
    launcher = a_launcher(source_id="source-2")

    assert step(launcher, a_rebuild(source_id="source-1")) is Step.LEAVE


def test_a_key_names_everything_that_makes_an_image() -> None:
    definition = a_definition()
    recipes = [
        a_recipe(),
        a_recipe(frontend="jupyterlab"),
        a_recipe(builder="r"),
        a_recipe(platform="linux/arm64"),
        a_recipe(builder_image="local/2"),
    ]

    keys: set[BuildKey] = {
        build_key(definition.meaning, definition.kind, it) for it in recipes
    }

    assert len(keys) == len(recipes)
