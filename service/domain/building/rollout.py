"""Rollout: what a launcher does with a new image of its environment."""

from enum import Enum

from service.domain.building.build import Rebuild
from service.domain.launcher import Launcher, UpdatePolicy
from service.domain.push import Trigger

__all__ = ["Step", "decide_step"]


class Step(Enum):
    """What one launcher does with one image."""

    MOVE = "move"
    OFFER = "offer"
    """Offer the image to the launcher's owner; the launcher stays."""
    LEAVE = "leave"


def decide_step(launcher: Launcher, rebuild: Rebuild) -> Step:
    """Decide the step of a launcher by its policy.

    A launcher without an image takes any, and an image that a person requested is taken
    whatever the policy; a pinned launcher is offered what it would take. An image of
    another source, builder, frontend or platform than the launcher has now is ignored.
    Whether the launcher already has a newer image is decided by the compare-and-set
    that writes, not here.
    """
    # The launcher may have been edited while the image was built; its new parameters
    # have a rebuild of their own.
    if rebuild.source_id != launcher.source_id or not _has_same_spec(launcher, rebuild):
        return Step.LEAVE
    if launcher.image is None:
        return Step.MOVE
    is_asked_for = rebuild.trigger in {Trigger.MANUAL, Trigger.LAUNCHER}
    step = Step.MOVE if is_asked_for else _by_policy(launcher.policy)
    is_held = launcher.pinned_at is not None and step is Step.MOVE
    return Step.OFFER if is_held else step


def _by_policy(policy: UpdatePolicy) -> Step:
    match policy:
        case UpdatePolicy.AUTOMATIC:
            return Step.MOVE
        case UpdatePolicy.NOTIFY:
            return Step.OFFER
        case UpdatePolicy.MANUAL:
            return Step.LEAVE


def _has_same_spec(launcher: Launcher, rebuild: Rebuild) -> bool:
    if rebuild.plan is None:
        return True
    spec = rebuild.plan.spec
    return (spec.builder, spec.frontend, spec.platform) == (
        launcher.builder,
        launcher.frontend,
        launcher.platform,
    )
