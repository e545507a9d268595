"""Shadow mode: everything is decided and explained, and nothing is built."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Protocol, Self

from service.domain.building.build import Build, BuildId, EnvironmentId, Image
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Kind
from service.domain.findings import Finding
from service.ports.builder import Builder, HinderedError, Observation

__all__ = ["SHADOW", "OpenedBuilder", "ShadowBuilder"]

SHADOW: Final = Failure(
    kind=FailureClass.SHADOW,
    message="Shadow mode is on (RELAUNCH_SHADOW): this build would start now.",
    hint="An operator turns it off; what still waits is built then.",
)


class OpenedBuilder(Builder, AbstractAsyncContextManager[Builder], Protocol):
    """A builder that is entered by whoever drives it."""


class ShadowBuilder:
    """Implement the port `Builder`; start nothing, and end what runs from before.

    Builds stay queued and say why, so that the list of builds is the report of what
    would have been built.
    """

    def __init__(self, builder: OpenedBuilder) -> None:
        self._builder = builder

    async def __aenter__(self) -> Self:
        await self._builder.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._builder.__aexit__(kind, exc, traceback)

    async def start(self, build: Build) -> None:
        del build
        raise HinderedError(SHADOW)

    def identity(self, *, frontend: str) -> str:
        return self._builder.identity(frontend=frontend)

    def scope(self, project: str, environment: EnvironmentId) -> str:
        return self._builder.scope(project, environment)

    def pull_secret(self, reference: str) -> str:
        return self._builder.pull_secret(reference)

    def provides(self, frontend: str) -> bool:
        return self._builder.provides(frontend)

    def builds_for(self, platform: str) -> bool:
        return self._builder.builds_for(platform)

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        return self._builder.remarks(kind)

    def bases(self) -> Collection[str]:
        return self._builder.bases()

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        self._builder.pin_bases(digests)

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        return await self._builder.observe(builds)

    async def changed(self) -> None:
        await self._builder.changed()

    async def cancel(self, build: BuildId) -> None:
        await self._builder.cancel(build)

    async def release(self, build: BuildId) -> None:
        await self._builder.release(build)

    async def known_builds(self) -> Collection[BuildId]:
        return await self._builder.known_builds()

    async def has(self, image: Image) -> bool:
        return await self._builder.has(image)

    async def remove_image(self, image: Image) -> bool:
        return await self._builder.remove_image(image)

    async def remove_cache(self, build: Build) -> None:
        await self._builder.remove_cache(build)

    async def digest_of(self, reference: str) -> str:
        return await self._builder.digest_of(reference)
