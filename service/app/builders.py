"""The builder, chosen by the settings."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from consumers.bases import BaseReader
from consumers.guard import Loop
from service.adapters.local.builder import LocalBuilder
from service.adapters.local.options import LocalOptions
from service.app.engines import Engines
from service.domain.build import BuildId
from service.ports.builder import Builder, Named
from service.ports.store import LogLine, Store
from service.settings import Settings, passed_to_builds

__all__ = ["OpenableBuilder", "base_reader", "builder_name", "make_builder"]


class OpenableBuilder(Builder, AbstractAsyncContextManager[Builder], Protocol):
    """A builder, entered by whoever drives it."""


def make_builder(settings: Settings, engines: Engines) -> OpenableBuilder:
    """Make the builder.

    Raises:
        InvalidRequestError: A setting is missing that it needs.
    """
    if settings.builder == "local":
        return _local_builder(settings, engines)
    # Two seconds, which only who drives builds should take.
    from service.adapters.kubernetes.builder import KubernetesBuilder  # noqa: PLC0415
    from service.adapters.kubernetes.client import Connection  # noqa: PLC0415
    from service.app.kubernetes import kubernetes_options  # noqa: PLC0415

    chosen = settings.kubernetes
    return KubernetesBuilder(
        connection=Connection(
            namespace=chosen.namespace,
            kubeconfig=chosen.kubeconfig,
            context=chosen.context,
        ),
        options=kubernetes_options(settings),
        clock=engines.clock,
        logs=_Logs(engines.store),
        credentials=chosen.registry_config,
    )


def builder_name(settings: Settings, engines: Engines) -> Named:
    """Make what names the builder, for who never builds.

    Raises:
        InvalidRequestError: A setting is missing that the name depends on.
    """
    if settings.builder == "local":
        return _local_builder(settings, engines)
    from service.adapters.kubernetes.identity import KubernetesIdentity  # noqa: PLC0415
    from service.app.kubernetes import kubernetes_options  # noqa: PLC0415

    return KubernetesIdentity(kubernetes_options(settings))


def base_reader(engines: Engines, builder: Named) -> list[Loop]:
    """Return what tells the builder what its images were seen to be, if it has any."""
    if not builder.bases():
        return []
    return [BaseReader(store=engines.store, builder=builder, clock=engines.clock).run]


def _local_builder(settings: Settings, engines: Engines) -> LocalBuilder:
    return LocalBuilder(
        root=settings.builder_root,
        clock=engines.clock,
        logs=_Logs(engines.store),
        options=LocalOptions(
            poetry_version=settings.build.poetry_version,
            pip_python=settings.build.pip_python,
            deadline=settings.build.deadline,
            passed_environment=passed_to_builds(settings),
            allow_files=settings.allow_files,
            private_hosts=settings.private_hosts,
            isolation=settings.local.isolation,
            visible=settings.local.visible,
            hidden=(settings.data,),
            memory=settings.local.memory_mb * 2**20,
            disk=settings.local.disk_mb * 2**20,
            processes=settings.local.processes,
            nice=settings.local.nice,
        ),
    )


class _Logs:
    """What builds say, into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        async with self._store.transaction() as tx:
            await tx.logs.append(build, phase, lines)

    async def read(
        self, build: BuildId, *, after: int = 0, limit: int = 1000
    ) -> Sequence[LogLine]:
        async with self._store.reading() as tx:
            return await tx.logs.read(build, after=after, limit=limit)
