"""Acknowledgements are taken out of a stream; the rest reaches the library whole."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from aiormq import spec
from hypothesis import given, strategies as st
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from service.adapters.rabbitmq.confirms import Confirms

OURS = 3
OTHER = 4
BEAT = marshal(Heartbeat(), 0)
RETURN = spec.Basic.Return(312, "NO_ROUTE", "exchange", "key")


def ack(tag: int, *, multiple: bool = False, channel: int = OURS) -> bytes:
    return marshal(spec.Basic.Ack(tag, multiple), channel)


def method(frame: Frame, channel: int = OURS) -> bytes:
    return marshal(frame, channel)


def delivered(body: bytes, channel: int = OTHER) -> bytes:
    return b"".join(
        (
            method(
                spec.Basic.Deliver("tag", 1, exchange="e", routing_key="key"), channel
            ),
            marshal(ContentHeader(body_size=len(body)), channel),
            marshal(ContentBody(body), channel),
        )
    )


@dataclass
class Heard:
    """What came of a stream."""

    told: list[tuple[int, bool]] = field(default_factory=list)
    left: bytes = b""


async def heard(pieces: Sequence[bytes], *, listening_from: int = 0) -> Heard:
    """Feed pieces; somebody listens from one of them on."""
    confirms, result = Confirms(), Heard()

    def told(tag: int, is_for_all_before: bool) -> None:  # noqa: FBT001
        result.told.append((tag, is_for_all_before))

    for number, piece in enumerate(pieces):
        if number == listening_from:
            confirms.listen(OURS, told)
        confirms.feed_data(piece)
    confirms.feed_eof()
    result.left = await confirms.read()
    return result


def without_beats(data: bytes) -> bytes:
    return data.replace(BEAT, b"")


async def test_acknowledgements_are_told_and_not_passed_on() -> None:
    result = await heard([ack(1) + ack(7, multiple=True), ack(8)])

    assert result.told == [(1, False), (7, True), (8, False)]
    assert without_beats(result.left) == b""


async def test_what_is_of_other_channels_is_passed_on() -> None:
    others = delivered(b"{}") + ack(1, channel=OTHER) + BEAT

    result = await heard([ack(1) + others + ack(2)])

    assert result.told == [(1, False), (2, False)]
    assert without_beats(result.left) == without_beats(others)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(method(RETURN) + delivered(b"{}", OURS) + ack(2), id="comes back"),
        pytest.param(method(spec.Basic.Nack(2)), id="refused"),
        pytest.param(method(spec.Channel.Close(404, "gone", 0, 0)), id="closed"),
        pytest.param(method(spec.Channel.OpenOk()), id="an answer"),
    ],
)
async def test_after_anything_else_the_library_reads_every_acknowledgement(
    said: bytes,
) -> None:
    result = await heard([ack(1), said + ack(3), ack(4)])

    assert result.told == [(1, False)]
    assert without_beats(result.left) == said + ack(3) + ack(4)


async def test_nothing_is_taken_before_somebody_listens() -> None:
    result = await heard([ack(1), ack(2)], listening_from=1)

    assert (result.told, result.left[: len(ack(1))]) == ([(2, False)], ack(1))


@pytest.mark.parametrize("cut", [1, 6, 7, 12, 20])
async def test_somebody_may_begin_to_listen_within_a_frame(cut: int) -> None:
    first = ack(1)

    result = await heard(
        [first[:cut], first[cut:] + ack(2)[:cut], ack(2)[cut:]], listening_from=1
    )

    assert result.told == [(2, False)]
    assert without_beats(result.left) == first


async def test_a_stream_of_acknowledgements_is_a_sign_of_life() -> None:
    """The library gives up a connection on which it hears nothing."""
    result = await heard([ack(tag) for tag in range(1, 100)])

    assert result.left == BEAT


async def test_what_is_no_amqp_is_for_the_library_to_refuse() -> None:
    said = b"HTTP/1.1 400 Bad Request\r\n\r\n"

    assert (await heard([said], listening_from=9)).left == said
    assert (await heard([said])).left == said


CHUNKS = st.lists(
    st.one_of(
        st.builds(
            ack,
            st.integers(0, 2**63 - 1),
            multiple=st.booleans(),
            channel=st.sampled_from([OURS, OTHER]),
        ),
        st.builds(delivered, st.binary(max_size=40)),
    ),
    max_size=12,
)


@given(frames=CHUNKS, cuts=st.sets(st.integers(1, 400)), begin=st.integers(0, 5))
def test_however_a_stream_is_cut_the_library_gets_whole_frames(
    frames: list[bytes], cuts: set[int], begin: int
) -> None:
    stream = b"".join(frames)
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(places) if a != b]

    result = asyncio.run(heard(pieces, listening_from=begin))

    # Whoever listens from within a frame is told of the frames after it.
    since = places[begin] if begin < len(pieces) else len(stream) + 1
    told: list[bytes] = []
    left: list[bytes] = []
    at = 0
    for frame in frames:
        is_taken = at >= since and frame[:3] == ack(1)[:3]
        (told if is_taken else left).append(frame)
        at += len(frame)
    assert [ack(tag, multiple=item) for tag, item in result.told] == told
    assert without_beats(result.left) == without_beats(b"".join(left))
