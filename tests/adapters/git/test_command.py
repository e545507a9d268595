"""Commands that end before they take their input."""

import asyncio
from collections.abc import Callable

import pytest

from service.adapters.git.command import feed
from service.adapters.processes import PIPE, start_process
from tests.support.loops import EITHER_LOOP


@EITHER_LOOP
@pytest.mark.parametrize("stdin", [b"", b"x"], ids=["nothing", "something"])
def test_who_ended_takes_no_input_and_breaks_nothing(
    loop: Callable[[], asyncio.AbstractEventLoop], stdin: bytes
) -> None:
    async def run() -> int:
        process = await start_process("true", stdin=PIPE)
        code = await process.wait()
        assert process.stdin is not None
        feed(process.stdin, stdin)
        return code

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(run()) == 0
