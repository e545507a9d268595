"""What the settings say about builds in a cluster."""

from collections.abc import Iterable

from service.adapters.kubernetes.options import (
    KubernetesOptions,
    PlatformOptions,
    Resources,
    Toleration,
)
from service.errors import InvalidRequestError
from service.settings import Settings
from service.settings.kubernetes import (
    KubernetesSettings,
    PlatformSettings,
    TolerationSettings,
)

__all__ = ["kubernetes_options"]


def kubernetes_options(settings: Settings) -> KubernetesOptions:
    """Return the options of builds in a cluster.

    Raises:
        InvalidRequestError: A setting is missing that only an operator can know.
    """
    it = settings.kubernetes
    return KubernetesOptions(
        namespace=it.namespace,
        instance=it.instance,
        builder_image=_needed(it.builder_image, "builder_image"),
        run_image=_needed(it.run_image, "run_image"),
        target=_needed(it.target, "target"),
        git_image=it.git_image or "",
        lifecycle=it.lifecycle.rstrip("/"),
        platform_api=it.platform_api,
        is_trusted=it.trusted,
        user=it.user,
        group=it.group,
        platforms={name: _platform(its) for name, its in it.platforms.items()},
        variables=it.variables,
        environment=it.environment,
        submodules=it.submodules,
        lfs=it.lfs,
        git_protocols=it.git_protocols,
        git_secrets={host.lower(): name for host, name in it.git_secrets.items()},
        registry_secret=it.registry_secret,
        insecure_registries=it.insecure_registries,
        pull_secrets=it.pull_secrets,
        process_types=it.process_types,
        cache_image=it.cache_image,
        cache_volume=it.cache_volume,
        resources=_resources(it),
        source_size=it.source_size,
        layers_size=it.layers_size,
        tmp_size=it.tmp_size,
        node_selector=it.node_selector,
        tolerations=_tolerations(it.tolerations),
        priority_class=it.priority_class,
        runtime_class=it.runtime_class,
        queue=it.queue,
        service_account=it.service_account,
        labels=it.labels,
        annotations=it.annotations,
        deadline=it.deadline,
        keep=it.keep,
        unschedulable_after=it.unschedulable_after,
        smoke=it.smoke,
        smoke_deadline=it.smoke_deadline,
    )


def _needed(value: str | None, name: str) -> str:
    if not value:
        raise InvalidRequestError(
            f"settings: RELAUNCH_BUILDER=kubernetes needs"
            f" RELAUNCH_KUBERNETES_{name.upper()}"
        )
    return value


def _resources(it: KubernetesSettings) -> Resources:
    return Resources(
        cpu_request=it.cpu,
        cpu_limit=it.cpu_limit,
        memory_request=it.memory,
        memory_limit=it.memory_limit,
        disk_request=it.disk,
        disk_limit=it.disk_limit,
    )


def _platform(it: PlatformSettings) -> PlatformOptions:
    tolerations = it.tolerations
    return PlatformOptions(
        builder_image=it.builder_image,
        run_image=it.run_image,
        node_selector=it.node_selector,
        tolerations=None if tolerations is None else _tolerations(tolerations),
    )


def _tolerations(given: Iterable[TolerationSettings]) -> tuple[Toleration, ...]:
    return tuple(
        Toleration(key=it.key, operator=it.operator, value=it.value, effect=it.effect)
        for it in given
    )
