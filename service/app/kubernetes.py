"""Build the options of builds in a cluster from the settings."""

from collections.abc import Iterable

from service.adapters.kubernetes.options import (
    CaBundle,
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
    section = settings.kubernetes
    return KubernetesOptions(
        namespace=section.namespace,
        instance=section.instance,
        builder_image=_needed(section.builder_image, "builder_image"),
        run_image=_needed(section.run_image, "run_image"),
        target=_needed(section.target, "target"),
        git_image=section.git_image or "",
        lifecycle=section.lifecycle.rstrip("/"),
        platform_api=section.platform_api,
        is_trusted=section.trust_builder,
        user=section.user,
        group=section.group,
        platforms={
            name: _platform(platform) for name, platform in section.platforms.items()
        },
        variables=section.variables,
        environment=section.environment,
        submodules=section.submodules,
        lfs=section.lfs,
        git_protocols=section.git_protocols,
        git_secrets={host.lower(): name for host, name in section.git_secrets.items()},
        registry_secret=section.registry_secret,
        private_target=section.private_target,
        private_registry_secret=section.private_registry_secret,
        private_pull_secret=section.private_pull_secret,
        ca_bundle=CaBundle.from_text(section.ca_bundle) if section.ca_bundle else None,
        insecure_registries=section.insecure_registries,
        pull_secrets=section.pull_secrets,
        process_types=section.process_types,
        cache_image=section.cache_image,
        cache_volume=section.cache_volume,
        resources=_resources(section),
        source_size=section.source_size,
        layers_size=section.layers_size,
        tmp_size=section.tmp_size,
        node_selector=section.node_selector,
        tolerations=_tolerations(section.tolerations),
        priority_class=section.priority_class,
        runtime_class=section.runtime_class,
        queue=section.queue,
        service_account=section.service_account,
        labels=section.labels,
        annotations=section.annotations,
        deadline=section.deadline,
        keep=section.job_ttl,
        unschedulable_after=section.unschedulable_after,
        smoke=section.smoke_test,
        smoke_deadline=section.smoke_test_deadline,
    )


def _needed(value: str | None, name: str) -> str:
    if not value:
        raise InvalidRequestError(
            f"settings: RELAUNCH_BUILDER=kubernetes needs"
            f" RELAUNCH_KUBERNETES_{name.upper()}"
        )
    return value


def _resources(section: KubernetesSettings) -> Resources:
    return Resources(
        cpu_request=section.cpu,
        cpu_limit=section.cpu_limit,
        memory_request=section.memory,
        memory_limit=section.memory_limit,
        disk_request=section.disk,
        disk_limit=section.disk_limit,
    )


def _platform(section: PlatformSettings) -> PlatformOptions:
    tolerations = section.tolerations
    return PlatformOptions(
        builder_image=section.builder_image,
        run_image=section.run_image,
        node_selector=section.node_selector,
        tolerations=None if tolerations is None else _tolerations(tolerations),
    )


def _tolerations(section: Iterable[TolerationSettings]) -> tuple[Toleration, ...]:
    return tuple(
        Toleration(
            key=toleration_settings.key,
            operator=toleration_settings.operator,
            value=toleration_settings.value,
            effect=toleration_settings.effect,
        )
        for toleration_settings in section
    )
