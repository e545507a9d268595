"""A builder in a process of its own, to be killed: ROOT URL COMMIT KIND."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from service.adapters.clock import SystemClock
from service.adapters.local.builder import LocalBuilder
from service.domain.building.build import BuildId
from service.domain.definition import Kind
from service.domain.repository import CommitSha
from tests.adapters.local.builds import a_build, finished, some_options


class PrintedLogs:
    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        for line in lines:
            sys.stdout.write(f"{build} {phase} {line}\n")
        sys.stdout.flush()


async def main(root: str, url: str, commit: str, kind: str) -> None:
    build = a_build((url, CommitSha(commit)), Kind(kind))
    async with LocalBuilder(
        root=Path(root),
        clock=SystemClock(),
        logs=PrintedLogs(),
        options=some_options(),
    ) as builder:
        await builder.start(build)
        await finished(builder, build)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
