"""Stories: the structured half of an explanation."""

from collections.abc import Sequence
from typing import Literal

from handlers.behind_line import behind_line
from handlers.build_facts import image_of, tell_builds
from handlers.shapes.builds import Build
from handlers.shapes.deliveries import DeliveryTold
from handlers.shapes.explanations import (
    BuildStory,
    EvaluationStory,
    FileTold,
    PackageChange,
    PackageChanges,
    Story,
)
from handlers.shapes.launchers import SessionLauncher
from handlers.shapes.sources import EvaluationTold, plain_path
from handlers.story_lines import story_lines
from handlers.threads import Thread
from handlers.waiting_facts import View
from service.domain.build import BuildState, Image, Rebuild
from service.domain.definition import ABSENT, Item
from service.domain.evaluation import Evaluation
from service.domain.launcher import Launcher, LauncherId
from service.errors import NotFoundError
from service.ports.store import Transaction

__all__ = ["compared", "tell_story"]

LOOKED_BACK = 50
"""How many looks or builds are searched for the one before."""


async def tell_story(tx: Transaction, of: str, thread: Thread, view: View) -> Story:
    """Tell what a thread holds."""
    evaluations = [
        await _evaluation_story(tx, it, thread.rebuilds, view)
        for it in thread.evaluations
    ]
    told = {it.build.id for one in evaluations for it in one.builds}
    waiting = [it for it in thread.rebuilds or () if it.id not in told]
    story = Story(
        of=of,
        about=thread.about,
        lines=(),
        deliveries=tuple(
            DeliveryTold.of(it)
            for it in sorted(thread.deliveries, key=lambda it: it.received_at)
        ),
        evaluations=tuple(evaluations),
        waiting=tuple(await tell_builds(tx, waiting, view)),
        launcher=await _launcher(tx, thread.launcher),
        behind=behind_line(thread.launcher, thread.rebuilds or ())
        if thread.launcher
        else None,
    )
    return story.model_copy(update={"lines": tuple(story_lines(story))})


async def _launcher(
    tx: Transaction, launcher: Launcher | None
) -> SessionLauncher | None:
    if launcher is None:
        return None
    source = await tx.sources.get(launcher.source_id)
    return SessionLauncher.of(launcher, source)


async def _evaluation_story(
    tx: Transaction,
    evaluation: Evaluation,
    only: Sequence[Rebuild] | None,
    view: View,
) -> EvaluationStory:
    source = await tx.sources.get(evaluation.source_id)
    before = await _before(tx, evaluation)
    ids = None if only is None else {it.id for it in only}
    rebuilds = [
        it
        for it in await tx.rebuilds.of_evaluation(evaluation.id)
        if ids is None or it.id in ids
    ]
    builds = await tell_builds(tx, rebuilds, view)
    return EvaluationStory(
        evaluation=EvaluationTold.of(evaluation),
        repository=source.repository.url,
        files=compared(before.items if before else (), evaluation.items),
        builds=tuple(
            [
                await _build_story(tx, rebuild, build)
                for rebuild, build in zip(rebuilds, builds, strict=True)
            ]
        ),
    )


async def _before(tx: Transaction, evaluation: Evaluation) -> Evaluation | None:
    """Return the look that saw what this one compared with."""
    latest = await tx.evaluations.of_source(evaluation.source_id, limit=LOOKED_BACK)
    earlier = [it for it in latest if it.id < evaluation.id and it.items]
    return max(earlier, key=lambda it: it.id, default=None)


def compared(old: Sequence[Item], new: Sequence[Item]) -> tuple[FileTold, ...]:
    """Set two closures side by side, sorted by path."""
    before = {it.path: it for it in old}
    after = {it.path: it for it in new}
    return tuple(
        _file(before.get(path), after.get(path)) for path in sorted({*before, *after})
    )


def _file(old: Item | None, new: Item | None) -> FileTold:
    known = new or old
    assert known is not None
    return FileTold(
        path=plain_path(known.path),
        role=known.role,
        change=_change(old, new),
        old=(old.oid or None) if old else None,
        new=(new.oid or None) if new else None,
    )


def _change(
    old: Item | None, new: Item | None
) -> Literal["same", "changed", "added", "removed", "absent"]:
    was = old is not None and old.mode != ABSENT
    is_there = new is not None and new.mode != ABSENT
    if was and is_there:
        assert old is not None
        assert new is not None
        return "same" if (old.mode, old.oid) == (new.mode, new.oid) else "changed"
    if was:
        return "removed"
    return "added" if is_there else "absent"


async def _build_story(tx: Transaction, rebuild: Rebuild, build: Build) -> BuildStory:
    try:
        launcher = await tx.launchers.get(LauncherId(rebuild.launcher_id))
    except NotFoundError:
        launcher = None
    image = launcher.image if launcher else None
    return BuildStory(
        build=build,
        launcher_name=launcher.name if launcher else None,
        serves=image is not None and image == rebuild.image,
        seconds=_seconds(build),
        packages=await _package_changes(tx, rebuild),
    )


def _seconds(build: Build) -> float | None:
    if build.started_at is None or build.completed_at is None:
        return None
    return round((build.completed_at - build.started_at).total_seconds(), 1)


async def _package_changes(tx: Transaction, rebuild: Rebuild) -> PackageChanges | None:
    image = await image_of(tx, rebuild)
    if image is None:
        return None
    before = await _image_before(tx, rebuild)
    if before is None or not (image.packages and before.packages):
        return None
    return _differences(before, image)


async def _image_before(tx: Transaction, rebuild: Rebuild) -> Image | None:
    latest = await tx.rebuilds.of_environment(rebuild.environment_id, limit=LOOKED_BACK)
    for it in latest:  # newest first
        is_earlier = it.id < rebuild.id and it.state is BuildState.SUCCEEDED
        if is_earlier and it.image != rebuild.image:
            return await image_of(tx, it)
    return None


def _differences(before: Image, after: Image) -> PackageChanges:
    old = {it.name: it.version for it in before.packages}
    new = {it.name: it.version for it in after.packages}
    return PackageChanges(
        since=before.reference,
        added=tuple(
            PackageChange(name=it, new=new[it]) for it in sorted(new.keys() - old)
        ),
        removed=tuple(
            PackageChange(name=it, old=old[it]) for it in sorted(old.keys() - new)
        ),
        changed=tuple(
            PackageChange(name=it, old=old[it], new=new[it])
            for it in sorted(old.keys() & new)
            if old[it] != new[it]
        ),
    )
