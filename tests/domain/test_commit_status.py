"""What is said on a commit, for whatever the ledger says of it."""

from collections.abc import Sequence

import pytest

from service.domain.building.build import BuildState, Rebuild
from service.domain.building.failure import Failure, FailureClass
from service.domain.commit_status import (
    CONTEXT,
    CommitState,
    describe_status,
    name_context,
)
from service.domain.evaluation.comparison import Comparison, Evaluation, Verdict
from service.domain.push import Trigger
from service.domain.source import Revision, SourceId
from tests.support.values import a_rebuild, a_source, an_evaluation

SENTENCE = "The environment definition changed: requirements.txt."
GONE = Failure(kind=FailureClass.NO_SUCH_PACKAGE, message="There is no package sixx.")


def judged(
    verdict: Verdict, reason: str = "r", *, by: Trigger = Trigger.PUSH
) -> Evaluation:
    comparison = Comparison(verdict=verdict, reason=reason, message=SENTENCE)
    return an_evaluation(comparison=comparison, trigger=by)


def rebuilds(*states: BuildState) -> list[Rebuild]:
    return [a_rebuild(state=state) for state in states]


@pytest.mark.parametrize(
    ("asked", "state", "begins"),
    [
        pytest.param(rebuilds(BuildState.QUEUED), "pending", "Building.", id="queued"),
        pytest.param(
            rebuilds(BuildState.RUNNING), "pending", "Building.", id="running"
        ),
        pytest.param(
            [a_rebuild(state=BuildState.SUCCEEDED, reason="built")],
            "success",
            "Built.",
            id="built",
        ),
        pytest.param(
            [a_rebuild(state=BuildState.SUCCEEDED, reason="reused")],
            "success",
            "Ready: the image was there already.",
            id="reused",
        ),
        pytest.param(
            [a_rebuild(state=BuildState.FAILED, failure=GONE)],
            "failure",
            "no_such_package: There is no package sixx.",
            id="failed, by its class",
        ),
        pytest.param(
            rebuilds(BuildState.CANCELLED), "skipped", "Not built", id="cancelled"
        ),
        pytest.param(
            rebuilds(BuildState.SUPERSEDED), "skipped", "Not built", id="superseded"
        ),
        pytest.param(
            rebuilds(BuildState.SUCCEEDED, BuildState.FAILED, BuildState.RUNNING),
            "pending",
            "Building.",
            id="one of several is not done",
        ),
        pytest.param(
            rebuilds(BuildState.SUCCEEDED, BuildState.FAILED),
            "failure",
            "failed",
            id="one of several failed",
        ),
        pytest.param(
            rebuilds(BuildState.SUPERSEDED, BuildState.SUCCEEDED),
            "success",
            "Built.",
            id="one of several was built",
        ),
    ],
)
def test_what_became_of_its_rebuilds_is_what_a_look_says(
    asked: Sequence[Rebuild], state: str, begins: str
) -> None:
    look = judged(Verdict.CHANGED)

    said = describe_status(look, asked, context=CONTEXT)

    assert said is not None
    assert said.state.value == state
    assert said.description.startswith(begins)
    assert (said.context, said.ref) == (CONTEXT, look.ref)


PUSH, SWEEP = Trigger.PUSH, Trigger.SWEEP


@pytest.mark.parametrize(
    ("verdict", "reason", "by", "state"),
    [
        (Verdict.UNCHANGED, "same_fingerprint", PUSH, CommitState.SKIPPED),
        (Verdict.UNCHANGED, "same_fingerprint", SWEEP, None),
        (Verdict.UNCHANGED, "same_commit", PUSH, None),
        (Verdict.UNCHANGED, "same_commit", SWEEP, None),
        (Verdict.COSMETIC, "same_meaning", PUSH, CommitState.SKIPPED),
        (Verdict.COSMETIC, "same_meaning", SWEEP, CommitState.SKIPPED),
        (Verdict.CHANGED, "definition_changed", PUSH, CommitState.SKIPPED),
        (Verdict.INITIAL, "first_definition", PUSH, CommitState.SKIPPED),
        (Verdict.NO_DEFINITION, "no_definition", PUSH, CommitState.FAILURE),
        (Verdict.NO_DEFINITION, "no_definition", SWEEP, None),
        (Verdict.NO_DEFINITION, "definition_removed", SWEEP, CommitState.FAILURE),
        (Verdict.REF_GONE, "ref_gone", PUSH, None),
        (Verdict.UNKNOWN, "remote_unavailable", PUSH, None),
    ],
)
def test_where_nothing_was_asked_for_the_verdict_speaks(
    verdict: Verdict, reason: str, by: Trigger, state: CommitState | None
) -> None:
    said = describe_status(judged(verdict, reason, by=by), (), context=CONTEXT)

    assert (said.state if said else None) is state
    assert said is None or SENTENCE in said.description


def test_a_sweep_that_led_to_a_build_is_told_of() -> None:
    look = judged(Verdict.UNCHANGED, "same_commit", by=SWEEP)

    said = describe_status(look, rebuilds(BuildState.RUNNING), context=CONTEXT)

    assert said is not None
    assert said.state is CommitState.PENDING


def test_sources_of_one_repository_are_told_apart() -> None:
    root = a_source()
    app = a_source(id=SourceId("source-2"), context_dir="app")
    dev = a_source(
        id=SourceId("source-3"), context_dir="app", revision=Revision.from_text("dev")
    )

    assert name_context(root, [root]) == CONTEXT
    assert name_context(app, [app]) == CONTEXT
    assert name_context(root, [root, app]) == CONTEXT
    assert name_context(app, [root, app]) == f"{CONTEXT}/app"
    assert name_context(app, [root, app, dev]) == f"{CONTEXT}/app (default branch)"
    assert name_context(dev, [root, app, dev]) == f"{CONTEXT}/app (dev)"


def test_a_long_name_of_a_context_keeps_its_end() -> None:
    deep = a_source(id=SourceId("source-2"), context_dir="d/" * 200 + "end")

    context = name_context(deep, [a_source()])

    assert len(context) == 200
    assert context.startswith(CONTEXT)
    assert context.endswith("/end")
