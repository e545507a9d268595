"""Create the manifest of a build's Job; pure and deterministic."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from service.adapters.kubernetes.credentials.certificates import (
    add_certificates,
    certificate_volumes,
)
from service.adapters.kubernetes.credentials.privacy import options_for
from service.adapters.kubernetes.manifests.names import (
    BUILD_COMPONENT,
    annotations,
    job_name,
    labels,
)
from service.adapters.kubernetes.manifests.phases import phases
from service.adapters.kubernetes.manifests.volumes import volumes
from service.adapters.kubernetes.options import KubernetesOptions, Toleration
from service.domain.building.build import Build

__all__ = ["QUEUE", "Manifest", "job", "pod", "to_job"]

Manifest = dict[str, Any]

QUEUE: Final = "kueue.x-k8s.io/queue-name"
"""https://kueue.sigs.k8s.io/docs/tasks/run/jobs/"""

_GRACE: Final = timedelta(seconds=5)
"""Between SIGTERM and SIGKILL. A cancelled build has nothing to clean up: shells and
package managers that run as process 1 ignore SIGTERM, and would occupy their node for
Kubernetes' default of thirty seconds."""

_UNREACHABLE: Final = timedelta(minutes=1)
"""How long a node may be unreachable before its builds start again on another one;
Kubernetes' default is five minutes.
https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/"""
_UNREACHABLE_TAINTS: Final = (
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
)

_NOT_EVICTED: Final = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
"""A build that is evicted starts again from nothing, so the autoscaler has to wait."""


def to_job(build: Build, options: KubernetesOptions) -> Manifest:
    """Create the Job of one attempt at a build."""
    options = options_for(build, options)
    *before, last = add_certificates(phases(build, options), options)
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
            "volumes": [*volumes(build, options), *certificate_volumes(options)],
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
    """Create a Job that runs a pod once."""
    all_labels = {
        **options.labels,
        **labels(build, component=component, instance=options.instance),
    }
    all_annotations = {**options.annotations, **annotations(build)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": options.namespace,
            "labels": {**all_labels, **_queue_label(options)},
            "annotations": all_annotations,
        },
        "spec": {
            # Retrying is the scheduler's: a pod that the Job controller starts again
            # has no attempt of its own, no log marker and no back-off that people see.
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": int(options.keep.total_seconds()),
            # Kueue takes over Jobs that are created suspended, and resumes them.
            **({"suspend": True} if options.queue else {}),
            "template": {
                "metadata": {
                    "labels": all_labels,
                    "annotations": {**all_annotations, **_NOT_EVICTED},
                },
                "spec": spec,
            },
        },
    }


def pod(build: Build, options: KubernetesOptions, *, user: int, group: int) -> Manifest:
    """Return the part of the pod spec that all pods have in common."""
    platform = build.spec.platform
    chosen_taints = options.tolerations_for(platform)
    tolerations = [
        *(_create_toleration(taint) for taint in chosen_taints),
        *_tolerate_unreachable(taint.key for taint in chosen_taints),
    ]
    chosen: Manifest = {
        "priorityClassName": options.priority_class,
        "runtimeClassName": options.runtime_class,
        "serviceAccountName": options.service_account,
        "imagePullSecrets": [{"name": secret} for secret in options.pull_secrets],
        "tolerations": tolerations,
    }
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": int(_GRACE.total_seconds()),
        # Code of a repository must not reach the API server under any account.
        "automountServiceAccountToken": False,
        # Each Service of the namespace would add seven variables to every container;
        # builds would differ by them, and many Services exceed the limit of arguments.
        "enableServiceLinks": False,
        "nodeSelector": {
            **options.node_selector_for(platform),
            **_select_platform(platform),
        },
        **{name: item for name, item in chosen.items() if item},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "fsGroup": group,
            # By default the kubelet changes the owner of every file of a volume at each
            # start, which takes minutes on a big cache.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _queue_label(options: KubernetesOptions) -> Mapping[str, str]:
    return {QUEUE: options.queue} if options.queue else {}


def _select_platform(platform: str) -> dict[str, str]:
    """https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-arch."""
    system, _, machine = platform.partition("/")
    return {"kubernetes.io/os": system, "kubernetes.io/arch": machine}


def _tolerate_unreachable(chosen: Iterable[str]) -> Iterator[Manifest]:
    """Return tolerations of unreachable nodes, unless the operator has set them."""
    keys = set(chosen)
    for key in _UNREACHABLE_TAINTS:
        if key not in keys:
            yield {
                "key": key,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": int(_UNREACHABLE.total_seconds()),
            }


def _create_toleration(toleration: Toleration) -> dict[str, str]:
    required = {"key": toleration.key, "operator": toleration.operator}
    optional = {"value": toleration.value, "effect": toleration.effect}
    return required | {name: value for name, value in optional.items() if value}
