"""Whose layers a build may reuse."""

from datetime import timedelta
from typing import Any

import pytest

from service.domain.building.build import Build, BuildId, BuildState, EnvironmentId
from service.domain.building.previous_image import choose_previous_image
from service.domain.definition import Kind
from tests.support.clock import NOW
from tests.support.values import a_build, a_build_spec, an_image


def a_good_build(reference: str = "image-1", **changes: Any) -> Build:
    defaults: dict[str, Any] = {
        "id": BuildId(f"of-{reference}"),
        "state": BuildState.SUCCEEDED,
        "image": an_image(reference=reference),
        "completed_at": NOW - timedelta(hours=1),
    }
    return a_build(**defaults | changes)


def test_the_last_good_image_of_the_environment_comes_first() -> None:
    others = EnvironmentId("another")
    candidates = [
        a_good_build("a newer one of another", environment_id=others),
        a_good_build("its last"),
        a_good_build("one before"),
    ]

    assert choose_previous_image(a_build(), candidates) == "its last"


def test_without_one_of_its_own_the_nearest_relative_gives_its_layers() -> None:
    others = EnvironmentId("another")
    candidates = [
        a_good_build("elsewhere", environment_id=others, context_dir="other"),
        a_good_build("same place", environment_id=others),
    ]

    assert choose_previous_image(a_build(), candidates) == "same place"


@pytest.mark.parametrize(
    "differing",
    [
        {"project_id": "another"},
        {"repository_url": "https://github.com/another/name"},
        {"kind": Kind.CONDA},
        {"spec": a_build_spec(builder_image="local/2")},
        {"spec": a_build_spec(frontend="ttyd")},
        {"spec": a_build_spec(scope="another")},
        {"spec": a_build_spec(platform="linux/arm64")},
        {"state": BuildState.FAILED},
        {"image": None},
    ],
    ids=str,
)
def test_another_trust_domain_or_another_way_of_building_gives_nothing(
    differing: dict[str, Any],
) -> None:
    assert choose_previous_image(a_build(), [a_good_build(**differing)]) is None
