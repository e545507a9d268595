"""Explanations as sentences, to be read from top to bottom."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from handlers.api.schemas.builds import BuildDetails
from handlers.api.schemas.deliveries import DeliveryResponse
from handlers.api.schemas.explanations import (
    BuildTrace,
    DefinitionFileResponse,
    EvaluationTrace,
    Explanation,
    PackageChange,
)
from handlers.api.schemas.launchers import LauncherDetails
from handlers.api.schemas.renku.environment_responses import NOT_BUILT
from handlers.api.schemas.sources import FindingResponse
from service.domain.repository import is_zero

__all__ = ["file_line", "finding_line", "write_sentences"]

SHOWN: Final = 8
"""How many of a kind a sentence names."""
SHORT: Final = 12

WHY: Final = {
    "push": "after a push",
    "sweep": "by the sweep, which makes good lost webhooks",
    "launcher": "because a launcher began to follow it",
    "manual": "because a person asked",
    "replay": "because a delivery was played again",
    "base_changed": "because what builds its image changed, or what that stands on",
    "schedule": "because its image is older than the launcher's schedule says",
}


def write_sentences(explanation: Explanation) -> Iterator[str]:
    """Report an explanation."""
    if explanation.launcher:
        yield from _launcher(explanation.launcher)
    if explanation.behind:
        yield explanation.behind
    yield from _in_order(explanation)
    for build in explanation.waiting:
        yield from _waiting(build)
    yield from _gap(explanation)


def _in_order(explanation: Explanation) -> Iterator[str]:
    """Report deliveries and evaluations as they happened."""
    happened: list[tuple[datetime, Iterator[str]]] = [
        *(
            (delivery.received_at, _delivery(delivery))
            for delivery in explanation.deliveries
        ),
        *(
            (evaluation.evaluation.completed_at, _evaluation(evaluation))
            for evaluation in explanation.evaluations
        ),
    ]
    for _, lines in sorted(happened, key=lambda pair: pair[0]):
        yield from lines


def _launcher(launcher: LauncherDetails) -> Iterator[str]:
    parameters = launcher.environment.build_parameters
    if parameters is None:
        yield (
            f"Launcher {launcher.name} follows no repository: it starts from the image "
            f"{launcher.environment.container_image}."
        )
        return
    what = parameters.repository_revision or "the default branch"
    folder = f", folder {parameters.context_dir}" if parameters.context_dir else ""
    yield (
        f"Launcher {launcher.name} follows {what} of {parameters.repository}{folder} "
        f"(policy {launcher.update_policy})."
    )
    image = launcher.environment.container_image
    yield (
        "It has no image yet."
        if image == NOT_BUILT
        else f"It starts from {image} (generation {launcher.generation})."
    )
    if launcher.available_image:
        yield f"{launcher.available_image} is available and waits to be taken."
    elif launcher.outdated and image != NOT_BUILT:
        yield "Its definition asks for another image by now."
    if launcher.rebuild_schedule != "never":
        yield _schedule(launcher)


def _schedule(launcher: LauncherDetails) -> str:
    how = f"{launcher.rebuild_schedule} by its schedule"
    note = launcher.next_rebuild_note
    if launcher.next_rebuild_at is None:
        return f"It is not built anew {how} now: {note}."
    at = f"{launcher.next_rebuild_at:%Y-%m-%d %H:%M} UTC"
    return f"It is built anew {how}, next at {at}{f'; {note}' if note else ''}."


def _delivery(delivery: DeliveryResponse) -> Iterator[str]:
    what = delivery.event or "a delivery"
    about = f" to {delivery.ref} of {delivery.repository}" if delivery.ref else ""
    yield (
        f"{_at(delivery.received_at)} {what}{about} arrived through hook "
        f"{delivery.hook_id}{_range(delivery)}{_times(delivery.count)}."
    )
    yield f"It was {delivery.status} ({delivery.reason}): {delivery.message}"


def _range(delivery: DeliveryResponse) -> str:
    if not delivery.after:
        return ""
    if is_zero(delivery.after):
        return f", deleting it at {delivery.before[:SHORT]}"
    if not delivery.before or is_zero(delivery.before):
        return f", new at {delivery.after[:SHORT]}"
    return f", from {delivery.before[:SHORT]} to {delivery.after[:SHORT]}"


def _times(count: int) -> str:
    return f"; it was sent {count} times" if count > 1 else ""


def _evaluation(trace: EvaluationTrace) -> Iterator[str]:
    evaluation = trace.evaluation
    head = f"; the head was {evaluation.commit[:SHORT]}" if evaluation.commit else ""
    where = f"{evaluation.ref} of " if evaluation.ref else ""
    yield (
        f"{_at(evaluation.completed_at)} {where}{trace.repository} was evaluated "
        f"{WHY.get(evaluation.trigger, evaluation.trigger)}{head}."
    )
    yield f"Verdict: {evaluation.verdict} ({evaluation.reason}). {evaluation.message}"
    touched = [file for file in trace.files if file.change not in {"same", "absent"}]
    for file in touched[:SHOWN]:
        yield f"  {file_line(file)}"
    if len(touched) > SHOWN:
        yield f"  … and {len(touched) - SHOWN} more files."
    for finding in evaluation.findings:
        yield f"  {finding_line(finding)}"
    if evaluation.verdict == "unknown":
        yield "It is evaluated again: what could not be read never counts as unchanged."
    for build in trace.builds:
        yield from _build(build)
    if not trace.builds and evaluation.verdict in {"initial", "changed"}:
        yield "No launcher asked for a build because of this evaluation."


def file_line(file: DefinitionFileResponse) -> str:
    """Describe how one file differs."""
    hows = {
        "changed": f"changed, {_oid(file.old)} → {_oid(file.new)}",
        "added": f"is new, {_oid(file.new)}",
        "removed": f"is gone, was {_oid(file.old)}",
        "same": f"is the same, {_oid(file.new)}",
        "absent": "was looked for and is not there",
    }
    return f"{file.path} ({file.role}) {hows[file.change]}."


def finding_line(finding: FindingResponse) -> str:
    """Format a finding with its file and line."""
    place = ":".join(
        str(value) for value in (finding.path, finding.line, finding.column) if value
    )
    return f"{finding.severity.capitalize()}{f' at {place}' if place else ''}: " + (
        finding.message
    )


def _build(trace: BuildTrace) -> Iterator[str]:
    build = trace.build
    who = trace.launcher_name or f"{build.launcher_id} (removed since)"
    yield f"Launcher {who} asked for build {build.id}: {_state(trace)}"
    if build.failure and build.failure.hint:
        yield f"  {build.failure.hint}"
    long = [
        f"{phase.name} {phase.seconds:g} s"
        for phase in build.phases or ()
        if phase.seconds
    ]
    if long:
        yield f"  Its phases: {', '.join(long)}."
    if trace.packages:
        changes = trace.packages
        yield from _packages("Added", changes.added)
        yield from _packages("Removed", changes.removed)
        yield from _packages("Changed", changes.changed)
        if not (changes.added or changes.removed or changes.changed):
            yield "  The same packages as in the image before."
    yield from _rollout(trace, who)


def _state(trace: BuildTrace) -> str:
    build = trace.build
    took = f" in {trace.seconds:g} s" if trace.seconds is not None else ""
    expected = build.expected_at
    done = f"; it should be done about {expected:%H:%M:%S} UTC" if expected else ""
    states = {
        "queued": f"it waits{_reason(build)}{done}.",
        "running": f"it runs{_reason(build)}{done}.",
        "succeeded": _success(build, took),
        "failed": f"it failed{took}{_because(build)}",
        "cancelled": "it was cancelled.",
        "superseded": "a newer one of the same environment took its place.",
    }
    return states[build.state]


def _reason(build: BuildDetails) -> str:
    """Explain why it does not proceed, and when it is tried again."""
    if build.waiting is None:
        return ""
    until = build.waiting.until
    again = f"; again at {until:%H:%M:%S} UTC" if until else ""
    return f" because {build.waiting.message}{again}"


def _success(build: BuildDetails, took: str) -> str:
    image = build.result.image if build.result else "its image"
    if build.ended == "reused":
        return f"{image} was there already; nothing was built."
    packages = f" with {build.packages} packages" if build.packages else ""
    return f"it made {image}{packages}{took}."


def _because(build: BuildDetails) -> str:
    if build.failure is None:
        return "."
    return f" ({build.failure.kind}): {build.failure.message}"


def _rollout(trace: BuildTrace, who: str) -> Iterator[str]:
    if trace.serves:
        yield f"Launcher {who} starts from it now."
    elif trace.build.state == "succeeded" and trace.launcher_name:
        yield f"Launcher {who} starts from another image now."
    elif trace.build.state == "failed" and trace.launcher_name:
        yield f"A failed build moves no launcher: {who} keeps what it had."


def _packages(word: str, changes: Sequence[PackageChange]) -> Iterator[str]:
    if changes:
        more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        yield f"  {word}: {_names(changes[:SHOWN])}{more}."


def _names(changes: Iterable[PackageChange]) -> str:
    return ", ".join(
        f"{change.name} {' → '.join(text for text in (change.old, change.new) if text)}"
        for change in changes
    )


def _waiting(build: BuildDetails) -> Iterator[str]:
    yield (
        f"{_at(build.created_at)} build {build.id} was asked for "
        f"{WHY.get(build.reason, build.reason)}."
    )
    if build.failure:
        yield f"It failed{_because(build)}"
    elif build.status == "in_progress":
        yield (
            f"The evaluation has not happened yet: it waits{_reason(build)}."
            if build.waiting
            else "The evaluation has not happened yet: what it builds is not known."
        )
    else:
        yield f"It was {build.state} before its source was evaluated."


def _gap(explanation: Explanation) -> Iterator[str]:
    """Name what the trace lacks."""
    if explanation.evaluations or explanation.waiting:
        return
    if any(delivery.status == "accepted" for delivery in explanation.deliveries):
        yield "The evaluation has not happened yet."
    elif explanation.launcher:
        yield "Its source has not been evaluated yet."


def _oid(oid: str | None) -> str:
    return oid[:SHORT] if oid else "no content"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC:"
