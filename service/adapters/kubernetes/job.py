"""A build → the manifest of its Job: pure, and the same every time."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from service.adapters.kubernetes.names import (
    BUILD_COMPONENT,
    annotations,
    job_name,
    labels,
)
from service.adapters.kubernetes.options import KubernetesOptions, Toleration
from service.adapters.kubernetes.phases import phases
from service.adapters.kubernetes.volumes import volumes
from service.domain.build import Build

__all__ = ["QUEUE", "Manifest", "job", "pod", "to_job"]

Manifest = dict[str, Any]

QUEUE: Final = "kueue.x-k8s.io/queue-name"
"""https://kueue.sigs.k8s.io/docs/tasks/run/jobs/"""

_GRACE: Final = timedelta(seconds=5)
"""Between being told to stop and being killed. A build that is not wanted any more has
nothing to put in order: shells and package managers that run as process 1 ignore the
signal, and would hold their room for the thirty seconds that Kubernetes gives."""

_UNMOVED: Final = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
"""A build that is moved to another node begins again; an autoscaler can wait."""


def to_job(build: Build, options: KubernetesOptions) -> Manifest:
    """Write the Job of one attempt at a build."""
    *before, last = phases(build, options)
    return job(
        build,
        options,
        name=job_name(build),
        component=BUILD_COMPONENT,
        seconds=int(options.deadline.total_seconds()),
        spec={
            **pod(build, options, user=options.user, group=options.group),
            "initContainers": before,
            "containers": [last],
            "volumes": volumes(build, options),
        },
    )


def job(
    build: Build,
    options: KubernetesOptions,
    *,
    name: str,
    component: str,
    seconds: int,
    spec: Manifest,
) -> Manifest:
    """Wrap a pod into a Job that runs it once."""
    marked = {
        **options.labels,
        **labels(build, component=component, instance=options.instance),
    }
    noted = {**options.annotations, **annotations(build)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": options.namespace,
            "labels": {**marked, **_queued(options)},
            "annotations": noted,
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": int(options.keep.total_seconds()),
            # Kueue takes a Job over that is suspended, and lets it go when it may run.
            **({"suspend": True} if options.queue else {}),
            "template": {
                "metadata": {"labels": marked, "annotations": {**noted, **_UNMOVED}},
                "spec": spec,
            },
        },
    }


def pod(build: Build, options: KubernetesOptions, *, user: int, group: int) -> Manifest:
    """Write what all our pods have in common."""
    platform = build.recipe.platform
    tolerations = [_toleration(it) for it in options.tolerations_for(platform)]
    chosen: Manifest = {
        "priorityClassName": options.priority_class,
        "runtimeClassName": options.runtime_class,
        "serviceAccountName": options.service_account,
        "imagePullSecrets": [{"name": it} for it in options.pull_secrets],
        "tolerations": tolerations,
    }
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": int(_GRACE.total_seconds()),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": {**options.node_selector_for(platform), **_machine(platform)},
        **{name: it for name, it in chosen.items() if it},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "fsGroup": group,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _queued(options: KubernetesOptions) -> Mapping[str, str]:
    return {QUEUE: options.queue} if options.queue else {}


def _machine(platform: str) -> dict[str, str]:
    """https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-arch."""
    system, _, machine = platform.partition("/")
    return {"kubernetes.io/os": system, "kubernetes.io/arch": machine}


def _toleration(it: Toleration) -> dict[str, str]:
    given = {"key": it.key, "operator": it.operator}
    optional = {"value": it.value, "effect": it.effect}
    return given | {name: value for name, value in optional.items() if value}
