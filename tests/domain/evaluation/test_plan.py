from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.building.build import BuildKey, Rebuild, build_key
from service.domain.building.rollout import Step, decide_step
from service.domain.evaluation.plan import (
    Known,
    Planned,
    newest_generation,
    next_generation,
    plan,
)
from service.domain.fingerprint import Fingerprint
from service.domain.launcher import Launcher, UpdatePolicy
from service.domain.push import Trigger
from tests.support.ids import CountedIds
from tests.support.values import (
    a_build_spec,
    a_definition,
    a_launcher,
    a_rebuild,
    a_source,
    an_evaluation,
)

PAUSE = timedelta(minutes=15)


def planned(launcher: Launcher, *pending: Rebuild, meaning: str = "e" * 64) -> Planned:
    (result,) = plan(
        an_evaluation(),
        a_definition(meaning=Fingerprint(meaning)),
        Known(launchers=[launcher], pending=pending, pause=PAUSE),
        spec=lambda item: a_build_spec(frontend=item.frontend),
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
        spec=lambda launcher: a_build_spec(frontend=launcher.frontend),
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
    requested = a_rebuild(plan=None, trigger=Trigger.MANUAL, is_fresh=True)

    result = planned(wanting(a_launcher()), requested)

    (rebuild,) = result.rebuilds
    assert rebuild.id == requested.id
    assert rebuild.is_fresh
    assert rebuild.plan is not None


def test_a_wish_of_another_launcher_is_left_alone() -> None:
    requested = a_rebuild(plan=None, launcher_id="launcher-2")

    assert planned(served(wanting(a_launcher())), requested).rebuilds == ()


def test_generations_grow_over_every_source_a_launcher_ever_followed() -> None:
    came_from_elsewhere = a_launcher(generation=7, wanted_generation=9)

    newest = newest_generation([came_from_elsewhere])

    assert next_generation(a_source(generation=2), newest) == 10
    assert next_generation(a_source(generation=2), newest_generation([])) == 3


@pytest.mark.parametrize(
    ("policy", "image", "trigger", "expected"),
    [
        pytest.param("automatic", "old", Trigger.PUSH, Step.MOVE, id="automatic"),
        pytest.param("notify", "old", Trigger.PUSH, Step.OFFER, id="told"),
        pytest.param("notify", None, Trigger.PUSH, Step.MOVE, id="has none yet"),
        pytest.param("notify", "old", Trigger.MANUAL, Step.MOVE, id="asked for"),
        pytest.param("manual", "old", Trigger.PUSH, Step.LEAVE, id="left alone"),
        pytest.param("manual", "old", Trigger.MANUAL, Step.MOVE, id="by hand"),
    ],
)
def test_a_launcher_answers_a_new_image_by_its_policy(
    policy: str, image: str | None, trigger: Trigger, expected: Step
) -> None:
    launcher = a_launcher(policy=UpdatePolicy(policy), image=image)

    assert decide_step(launcher, a_rebuild(trigger=trigger)) is expected


def test_an_image_of_what_is_no_longer_followed_is_left_alone() -> None:
    launcher = a_launcher(source_id="source-2")

    assert decide_step(launcher, a_rebuild(source_id="source-1")) is Step.LEAVE


def test_a_key_names_everything_that_makes_an_image() -> None:
    definition = a_definition()
    specs = [
        a_build_spec(),
        a_build_spec(frontend="jupyterlab"),
        a_build_spec(builder="r"),
        a_build_spec(platform="linux/arm64"),
        a_build_spec(builder_image="local/2"),
        a_build_spec(scope="github.com/7"),
        a_build_spec(private_to="github.com/7"),
        a_build_spec(private_to="github.com/8"),
        a_build_spec(private_to="github.com/7", scope="private"),
        a_build_spec(scope="private"),
    ]

    keys: set[BuildKey] = {
        build_key(definition.meaning, definition.kind, spec) for spec in specs
    }

    assert len(keys) == len(specs)
