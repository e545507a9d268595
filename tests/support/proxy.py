"""A TCP proxy that tests turn into a bad network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

__all__ = ["Proxy", "proxy_to"]


class Proxy:
    """Passes bytes on, as slowly and as unreliably as it is told to."""

    def __init__(self, *, port: int, host: str = "127.0.0.1") -> None:
        self.port = 0
        self._host = host
        self.latency = timedelta(0)
        """How much later bytes arrive, each way."""
        self._target = port
        self._open = asyncio.Event()
        self._open.set()
        self._gates = {self._open}
        self._refusing = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def begin(self) -> None:
        self._server = await asyncio.start_server(self._accept, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def end(self) -> None:
        self.cut()
        for gate in self._gates:
            gate.set()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection; new ones are let in."""
        for writer in self._writers:
            writer.transport.abort()

    def refuse(self) -> None:
        """Break every connection, and drop each new one."""
        self._refusing = True
        self.cut()

    def swallow(self) -> None:
        """Pass nothing on and close nothing: half-open connections, old and new."""
        self._open.clear()

    def strand(self) -> None:
        """Let present connections pass nothing ever again; new ones are well."""
        self._open.clear()
        self._open = asyncio.Event()
        self._open.set()

    def heal(self) -> None:
        """Be a good network again."""
        self._refusing = False
        self._open.set()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        self._writers.add(writer)
        gate = self._open
        self._gates.add(gate)
        with suppress(OSError, ExceptionGroup):
            far_reader, far_writer = await asyncio.open_connection(
                "127.0.0.1", self._target
            )
            self._writers.add(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(gate, reader, far_writer))
                group.create_task(self._pass_on(gate, far_reader, writer))
            self._writers.discard(far_writer)
        writer.close()  # also when nobody listens behind us
        self._writers.discard(writer)

    async def _pass_on(
        self,
        gate: asyncio.Event,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await asyncio.sleep(self.latency.total_seconds())
                await gate.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def proxy_to(port: int, *, host: str = "127.0.0.1") -> AsyncIterator[Proxy]:
    """Run a proxy in front of a port of this machine, at an address of it."""
    proxy = Proxy(port=port, host=host)
    await proxy.begin()
    try:
        yield proxy
    finally:
        proxy.heal()
        await proxy.end()
