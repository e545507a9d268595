"""The builder, chosen by the settings."""

from collections.abc import Sequence

from service.adapters.local.builder import LocalBuilder
from service.adapters.local.options import LocalOptions
from service.app.engines import Engines
from service.domain.build import BuildId
from service.ports.store import Store
from service.settings import Settings, passed_to_builds

__all__ = ["local_builder"]


def local_builder(settings: Settings, engines: Engines) -> LocalBuilder:
    """Make the builder of this machine; it is entered by whoever drives it."""
    return LocalBuilder(
        root=settings.builder_root,
        clock=engines.clock,
        logs=_Logs(engines.store),
        options=LocalOptions(
            poetry_version=settings.build.poetry_version,
            pip_python=settings.build.pip_python,
            deadline=settings.build.deadline,
            passed_environment=passed_to_builds(settings),
            allow_files=settings.remote.allow_files,
        ),
    )


class _Logs:
    """What builds say, into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        async with self._store.transaction() as tx:
            await tx.logs.append(build, phase, lines)
