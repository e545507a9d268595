"""The builder, chosen by the settings."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from consumers.base_images import BaseReader
from consumers.loops.supervisor import Loop
from service.adapters.local.identity import LocalIdentity
from service.adapters.local.options import LocalOptions
from service.adapters.renku.identity import RenkuIdentity
from service.app.engines import Engines
from service.domain.building.build import BuildId
from service.errors import InvalidRequestError
from service.ports.builder import Builder, BuilderIdentity
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
    builder = _open_builder(settings, engines)
    if not settings.shadow:
        return builder
    from service.adapters.shadow_builder import ShadowBuilder  # noqa: PLC0415 - seldom wanted

    return ShadowBuilder(builder)


def _open_builder(settings: Settings, engines: Engines) -> OpenableBuilder:
    if engines.upstream is not None:
        _refuse_signing(settings)
        from service.app.upstream.renku import renku_builder  # noqa: PLC0415 - not everybody's

        return renku_builder(settings, engines, logs=_Logs(engines.store))
    if settings.builder == "local":
        _refuse_signing(settings)
        # With it come the readers of logs and definitions.
        from service.adapters.local.builder import LocalBuilder  # noqa: PLC0415

        return LocalBuilder(
            root=settings.builder_root,
            clock=engines.clock,
            logs=_Logs(engines.store),
            options=_local_options(settings),
        )
    # Two seconds, which only who drives builds should take.
    from service.adapters.kubernetes.builder import KubernetesBuilder  # noqa: PLC0415
    from service.adapters.kubernetes.client import ApiConnection  # noqa: PLC0415
    from service.app.kubernetes import kubernetes_options  # noqa: PLC0415
    from service.app.signing import signing_options  # noqa: PLC0415

    chosen = settings.kubernetes
    return KubernetesBuilder(
        connection=ApiConnection(
            namespace=chosen.namespace,
            kubeconfig=chosen.kubeconfig,
            context=chosen.context,
        ),
        options=kubernetes_options(settings),
        clock=engines.clock,
        logs=_Logs(engines.store),
        credentials=chosen.registry_config,
        signing=signing_options(settings),
        environment=passed_to_builds(settings),
    )


def builder_name(settings: Settings) -> BuilderIdentity:
    """Make what names the builder, for who never builds.

    Keys are named by it, and previews show what would be built.

    Raises:
        InvalidRequestError: A setting is missing that the name depends on.
    """
    if settings.upstream is not None:
        return RenkuIdentity(settings.upstream)
    if settings.builder == "local":
        return LocalIdentity(_local_options(settings))
    from service.adapters.kubernetes.identity import KubernetesIdentity  # noqa: PLC0415
    from service.app.kubernetes import kubernetes_options  # noqa: PLC0415

    return KubernetesIdentity(kubernetes_options(settings))


def base_reader(engines: Engines, builder: BuilderIdentity) -> list[Loop]:
    """Return the reader of base images' digests, if the builder has any."""
    if not builder.bases():
        return []
    return [BaseReader(store=engines.store, builder=builder, clock=engines.clock).run]


def _refuse_signing(settings: Settings) -> None:
    """Refuse a key that nothing would be signed with.

    Raises:
        InvalidRequestError: There is one.
    """
    if settings.signing.key is not None:
        raise InvalidRequestError(
            "settings: RELAUNCH_SIGNING_KEY needs RELAUNCH_BUILDER=kubernetes: images "
            "of the local builder are folders, with no manifest to sign"
        )


def _local_options(settings: Settings) -> LocalOptions:
    return LocalOptions(
        poetry_version=settings.build.poetry_version,
        pip_python=settings.build.pip_python,
        deadline=settings.build.deadline,
        passed_environment=passed_to_builds(settings),
        allow_files=settings.allow_files,
        private_hosts=settings.private_hosts,
        isolation=settings.local.isolation,
        visible=settings.local.read_only_paths,
        hidden=(settings.data,),
        memory=settings.local.memory_mb * 2**20,
        disk=settings.local.disk_mb * 2**20,
        processes=settings.local.processes,
        nice=settings.local.nice,
    )


class _Logs:
    """Store the output of builds."""

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
