"""A trace: its ids are derived, and what is no trace of ours is left alone."""

import pytest

from service.events.trace import TraceContext, child_traceparent, trace_id_of

OURS = f"00-{'a' * 32}-{'b' * 16}-01"


def test_a_step_has_the_same_span_in_every_process_and_another_one_in_each_trace() -> (
    None
):
    one, two = TraceContext.begin("a push"), TraceContext.begin("another")

    assert one.child("build 1") == TraceContext.begin("a push").child("build 1")
    assert one.child("build 1").trace_id == one.trace_id
    ids = {one.span_id, one.child("build 1").span_id, one.child("build 2").span_id}
    assert len(ids | {two.child("build 1").span_id}) == 4


def test_a_traceparent_is_read_back() -> None:
    context = TraceContext.begin("a push")

    assert TraceContext.parse(context.to_traceparent()) == context
    assert trace_id_of(OURS) == "a" * 32


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00-aa-bb-01",
        f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        f"00-{'g' * 32}-{'b' * 16}-01",
        f"{OURS}-more",
    ],
)
def test_what_is_no_traceparent_begins_no_span(text: str | None) -> None:
    assert TraceContext.parse(text) is None
    assert trace_id_of(text) is None
    assert child_traceparent(text, "build 1") == text
