"""Parsing verified deliveries without stopping everybody else."""

import asyncio
import os
import sys
from datetime import timedelta
from typing import Final

import structlog

from handlers.bodies import BIG_BODY
from service.domain.delivery import Delivery
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.errors import TransientError
from service.forges import apart
from service.forges.codec import CODECS

__all__ = ["Parser"]

log = structlog.get_logger(__name__)

_SHOWN: Final = 2000

_DEADLINE: Final = timedelta(seconds=6)
"""Three times what the worst body was seen to take, and in time for the forge."""


class Parser:
    """Parse small bodies here and big ones in a child, a few at once.

    Args:
        big_at_once: How many children may run.
    """

    def __init__(self, *, big_at_once: int) -> None:
        self._slots = asyncio.Semaphore(big_at_once)

    async def parse(self, hook: Hook, delivery: Delivery) -> Push | Ignored:
        """Say what a verified delivery tells.

        Raises:
            DeliveryError: It cannot be read, or is about another repository.
            TransientError: The machine has no room for a child now.
        """
        if len(delivery.body) <= BIG_BODY:
            return CODECS[hook.forge].parse(hook, delivery)
        async with self._slots:
            return apart.answer_of(await _ask(apart.question(hook, delivery)))


async def _ask(question: bytes) -> bytes:
    child = await _start()
    try:
        async with asyncio.timeout(_DEADLINE.total_seconds()):
            answer, trouble = await child.communicate(question)
    except TimeoutError:
        return b""
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if not answer and (child.returncode or 0) > 0:
        # Ours, not the sender's: it did not even start, or it has a defect.
        log.error(
            "body not read apart", seen=trouble[-_SHOWN:].decode("utf-8", "replace")
        )
        raise TransientError("the process that reads big bodies failed")
    return answer


async def _start() -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            apart.MODULE,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env={"PYTHONPATH": os.pathsep.join(it for it in sys.path if it)},
        )
    except OSError as exc:
        raise TransientError(f"no process to read a big body: {exc}") from exc
