"""What a launcher does with a new image of its environment."""

from enum import Enum

from service.domain.build import Rebuild
from service.domain.launcher import Launcher, UpdatePolicy
from service.domain.push import Evidence

__all__ = ["Step", "step"]


class Step(Enum):
    """One launcher's answer to one image."""

    MOVE = "move"
    OFFER = "offer"
    """Tell its people, and stay."""
    LEAVE = "leave"


def step(launcher: Launcher, rebuild: Rebuild) -> Step:
    """Decide by the launcher's policy.

    A launcher without an image takes any, and what a person asked for is taken
    whatever the policy says. An image of something that the launcher no longer
    follows, or made another way than it is now, is left alone. Whether the launcher
    has a newer image already is not decided here but by the compare-and-set that
    writes.
    """
    if rebuild.source_id != launcher.source_id or not _is_its_way(launcher, rebuild):
        return Step.LEAVE
    is_asked_for = rebuild.evidence in {Evidence.MANUAL, Evidence.LAUNCHER}
    if launcher.image is None or is_asked_for:
        return Step.MOVE
    match launcher.policy:
        case UpdatePolicy.AUTOMATIC:
            return Step.MOVE
        case UpdatePolicy.NOTIFY:
            return Step.OFFER
        case UpdatePolicy.MANUAL:
            return Step.LEAVE


def _is_its_way(launcher: Launcher, rebuild: Rebuild) -> bool:
    if rebuild.plan is None:
        return True
    recipe = rebuild.plan.recipe
    return (recipe.builder, recipe.frontend, recipe.platform) == (
        launcher.builder,
        launcher.frontend,
        launcher.platform,
    )
