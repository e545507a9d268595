"""Every value of the chart, with its default and what it is for."""

from typing import Any, Literal

from pydantic import Field, create_model

from scripts.chart.blocks import (
    Anything,
    Cidr,
    Destination,
    Items,
    Keda,
    Labels,
    Port,
    RoleValues,
    ServiceValues,
    Values,
)
from scripts.chart.secrets import from_files

__all__ = ["ChartValues"]


class Image(Values):
    """The image of every role."""

    repository: str = "ghcr.io/relaunch/relaunch"
    """Its repository."""
    tag: str = ""
    """Its tag; the version of the chart's application when empty."""
    digest: str = Field(default="", pattern=r"^(sha256:[0-9a-f]{64})?$")
    """Its digest, which wins over the tag: `sha256:…`."""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When nodes pull it."""
    pull_secrets: list[str] = []
    """Secrets with which nodes pull it."""


class SecretFile(Values):
    """One key of a Secret that exists."""

    existing_secret: str = ""
    """The name of the Secret; it is in the namespace of the release."""
    key: str
    """The key in it."""


def _secret_files() -> dict[str, Any]:
    """Return the fields of `secrets`: one for each setting that is read from a file."""
    found: dict[str, Any] = {}
    for path in from_files():
        name = path.replace(".", "_")
        text = f"Where the setting `{path}` is."
        value = SecretFile(key=name.replace("_", "-"))
        found[name] = (SecretFile, Field(default=value, description=text))
    return found


class _Secrets(Values):
    """Settings that are secrets or files: each is a key of a Secret that exists."""

    generate: bool = False
    """Make `token` and `secretKey` where they have no Secret. For trying out alone:
    what renders charts without the cluster (GitOps) would make new ones each time."""


Secrets = create_model(
    "Secrets", __base__=_Secrets, __doc__=_Secrets.__doc__, **_secret_files()
)


class Probes(Values):
    """What the kubelet asks."""

    startup: str = "/livez"
    """The path of the start-up probe."""
    liveness: str = "/livez"
    """The path of the liveness probe."""
    readiness: str = "/readyz"
    """The path of the readiness probe. It fails when database or broker are away, so
    it has to fail several times before receivers, which spool, get no deliveries."""


class WebRoleValues(RoleValues):
    """The pods of a role that is reached by a Service."""

    service: ServiceValues = ServiceValues()


class ConsumerValues(RoleValues):
    """The pods of the consumers."""

    keda: Keda = Keda()


class Ingress(Values):
    """An Ingress: `/webhooks` leads to receivers, `/api` and the page to the API."""

    enabled: bool = False
    """Whether there is one."""
    class_name: str = ""
    """The IngressClass."""
    host: str = ""
    """The host; that of `settings.public_url` when empty."""
    annotations: Labels = {}
    """Annotations for the controller; bodies of 26 MB have to pass unchanged."""
    tls_secret: str = ""
    """The Secret of the certificate; without TLS when empty."""
    api: bool = True
    """Whether `/api` is reached from outside, too."""
    page: bool = True
    """Whether the page is, too, where `/api` is; it answers under the name of
    `settings.public_url` and those in `settings.page.hosts`."""


class HttpRoute(Values):
    """An HTTPRoute of the Gateway API, instead of an Ingress."""

    enabled: bool = False
    """Whether there is one."""
    parent_refs: Items = []
    """The Gateways that it belongs to."""
    hostnames: list[str] = []
    """The hosts; that of `settings.public_url` when empty."""
    annotations: Labels = {}
    """Annotations of the HTTPRoute."""
    api: bool = True
    """Whether `/api` is reached from outside, too."""
    page: bool = True
    """Whether the page is, too, where `/api` is; it answers under the name of
    `settings.public_url` and those in `settings.page.hosts`."""


class NetworkPolicies(Values):
    """NetworkPolicies of the pods of the release: nothing passes but what is here."""

    enabled: bool = True
    """Whether there are any."""
    web_from: Items = [{"namespaceSelector": {}}]
    """Who reaches receivers and API: best the pods of the Ingress controller alone."""
    metrics_from: Items = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
        for name in ("monitoring",)
    ]
    """Who reads the metrics of consumers."""
    dns: Destination = Destination(
        to=[
            {
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": "kube-system"}
                }
            }
        ],
        ports=[53],
    )
    """The DNS, over UDP and TCP."""
    database: Destination = Destination(ports=[5432])
    """PostgreSQL."""
    bus: Destination = Destination(ports=[5671, 5672])
    """RabbitMQ."""
    kubernetes_api: Destination = Destination(ports=[443, 6443])
    """The API server, for consumers."""
    forges: Destination = Destination(ports=[443])
    """Forges and registries, for API and consumers."""


class BuildPolicies(Values):
    """NetworkPolicies of the pods of builds, which run the code of strangers."""

    enabled: bool = True
    """Whether there are any; builds reach the whole cluster without."""
    dns: Destination = Destination(
        to=[
            {
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": "kube-system"}
                }
            }
        ],
        ports=[53],
    )
    """The DNS, over UDP and TCP."""
    public_ports: list[Port] = [443]
    """Ports at which builds reach public addresses: forges, package indexes and
    registries. None when empty; then `forges`, `indexes` and `registry` are all."""
    excluded: list[str] = [
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
    ]
    """Networks of IPv4 that are not public: those of cluster and metadata service."""
    excluded6: list[str] = ["fc00::/7", "fe80::/10"]
    """Networks of IPv6 that are not public."""
    api_addresses: list[str] = []
    """Public addresses of the API server, as /32 or /128, which builds do not reach.
    The addresses of its endpoints are added by `helm install`."""
    forges: list[Cidr] = []
    """Networks of private forges."""
    indexes: list[Cidr] = []
    """Networks of private package indexes and proxies."""
    registry: list[Cidr] = []
    """Networks of a private registry."""
    private_ports: list[Port] = [443]
    """Ports at which these private networks are reached."""


class Builds(Values):
    """Where builds run: a namespace of their own."""

    namespace: str = Field(
        default="relaunch-builds", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
    )
    """The namespace."""
    create_namespace: bool = True
    """Whether the chart makes it; it stays when the release goes."""
    network_policy: BuildPolicies = BuildPolicies()
    quota: Anything = {}
    """The `hard` of a ResourceQuota of the namespace; none when empty."""


class Migration(Values):
    """The Job that brings the tables to this version before new pods start."""

    enabled: bool = True
    """Whether there is one; with the database of the bundle pods do it as they start.
    Without: run `relaunch migrate` yourself, as processes refuse other tables."""
    resources: Anything = {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"memory": "256Mi"},
    }
    """Requests and limits."""
    active_deadline_seconds: int = Field(default=600, ge=1)
    """How long it may take."""


class Monitoring(Values):
    """Objects for the Prometheus operator and Grafana."""

    service_monitor: bool = False
    """Whether there is a ServiceMonitor."""
    interval: str = "30s"
    """How often metrics are read."""
    prometheus_rule: bool = False
    """Whether there is a PrometheusRule: alerts, each with an entry in the runbook."""
    dashboard: bool = False
    """Whether there is a ConfigMap with the Grafana dashboard."""
    labels: Labels = {}
    """Labels by which the Prometheus operator finds ServiceMonitor and rule."""
    dashboard_labels: Labels = {"grafana_dashboard": "1"}
    """Labels by which Grafana's sidecar finds the dashboard."""


class BundledStore(Values):
    """One pod of a server for trying out: no replica, no backup."""

    enabled: bool = False
    """Whether there is one."""
    image: str
    """Its image."""
    storage: str = "1Gi"
    """The size of its volume; lost with the pod when empty."""
    storage_class: str = ""
    """The StorageClass of the volume; the cluster's default when empty."""
    resources: Anything = {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"memory": "512Mi"},
    }
    """Requests and limits."""


class Bundle(Values):
    """PostgreSQL and RabbitMQ for trying out; take real ones for anything else."""

    postgresql: BundledStore = BundledStore(image="docker.io/library/postgres:17")
    rabbitmq: BundledStore = BundledStore(image="docker.io/library/rabbitmq:4.1")


class ChartValues(Values):
    """All values but `settings`, which are those of the service."""

    image: Image = Image()
    secrets: Secrets = Secrets()
    listen: str = Field(default="0.0.0.0:8080", pattern=r"^(0\.0\.0\.0|\[::\]):8080$")
    """Where containers listen; `[::]:8080` in a cluster of IPv6."""
    probes: Probes = Probes()
    pre_stop_seconds: int = Field(default=5, ge=0)
    """How long a pod goes on serving after it was asked to stop, while load balancers
    learn of it."""
    pod_security_context: Anything = {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    """The security context of all pods; OpenShift sets the ids itself."""
    receivers: WebRoleValues = WebRoleValues(args=["receive", "--webhooks-only"])
    api: WebRoleValues = WebRoleValues(args=["api"])
    consumers: ConsumerValues = ConsumerValues(args=["consume"])
    migration: Migration = Migration()
    builds: Builds = Builds()
    ingress: Ingress = Ingress()
    http_route: HttpRoute = HttpRoute()
    network_policy: NetworkPolicies = NetworkPolicies()
    monitoring: Monitoring = Monitoring()
    bundle: Bundle = Bundle()
    common_labels: Labels = {}
    """Further labels of all objects."""
    extra_objects: Items = []
    """Further objects, such as an ExternalSecret; templates in them are filled in."""
