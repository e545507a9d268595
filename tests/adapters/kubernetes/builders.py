"""A builder over the test cluster."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from service.adapters.clock import SystemClock
from service.adapters.kubernetes.builder import KubernetesBuilder
from service.adapters.kubernetes.client import ApiConnection
from service.adapters.kubernetes.signing.step import SigningOptions
from service.ports.time import Clock
from tests.adapters.local.builds import KeptLogs
from tests.support.kube import Kube, standin_options

__all__ = ["a_kubernetes_builder"]


def a_kubernetes_builder(
    kube: Kube,
    *,
    kubeconfig: Path | None = None,
    logs: KeptLogs | None = None,
    clock: Clock | None = None,
    signing: SigningOptions | None = None,
    trusting: Mapping[str, str] | None = None,
    **options: Any,
) -> KubernetesBuilder:
    """A builder with little patience, whose images are not tried unless told so."""
    defaults: dict[str, Any] = {
        "insecure_registries": (kube.registry,),
        "smoke": False,
        "unschedulable_after": timedelta(minutes=5),
    }
    return KubernetesBuilder(
        connection=ApiConnection(
            namespace=kube.namespace, kubeconfig=kubeconfig or kube.kubeconfig
        ),
        options=standin_options(kube, **defaults | options),
        clock=clock or SystemClock(),
        logs=logs or KeptLogs(),
        credentials=None,
        signing=signing,
        environment=trusting or {},
    )
