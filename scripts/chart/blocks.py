"""The parts that several values of the chart are made of."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = [
    "Anything",
    "Autoscaling",
    "Cidr",
    "Destination",
    "DisruptionBudget",
    "Items",
    "Keda",
    "Labels",
    "Port",
    "RoleValues",
    "ServiceValues",
    "Values",
]

Anything = dict[str, Any]
"""An object of Kubernetes, passed on as it is."""
Items = list[dict[str, Any]]
"""A list of such objects."""
Labels = Mapping[str, str]
Port = Annotated[int, Field(ge=1, le=65535)]
Cidr = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-fA-F.:]+/([89]|[1-9][0-9]|1[01][0-9]|12[0-8])$",
        json_schema_extra={
            "not": {"pattern": r"^(169\.254\.|169\..*/(8|9|1[0-5])$|fe[89ab]|fd00:ec2)"}
        },
    ),
]
"""A network that builds may reach: never all addresses (the policy has the public ones
already), nor link-local ones, at which clouds answer with credentials of the node.
Patterns are RE2's, which is what Helm reads them with."""


class Values(BaseModel):
    """A group of values, written in the chart's way: `camelCase`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class Autoscaling(Values):
    """A HorizontalPodAutoscaler by processor time."""

    enabled: bool = False
    """Whether there is one; `replicas` is ignored then."""
    min_replicas: int = Field(default=2, ge=1)
    """The least pods."""
    max_replicas: int = Field(default=6, ge=1)
    """The most pods."""
    target_cpu_utilization_percentage: int = Field(default=70, ge=1, le=100)
    """The share of the requested processor time that pods use on average."""


class Keda(Values):
    """A ScaledObject of KEDA by the length of RabbitMQ's queues; needs its operator."""

    enabled: bool = False
    """Whether there is one; needs `secrets.bus`, and excludes `autoscaling`."""
    min_replicas: int = Field(default=2, ge=1)
    """The least pods: one leads, another takes over."""
    max_replicas: int = Field(default=6, ge=1)
    """The most pods."""
    queue_length: int = Field(default=50, ge=1)
    """How many waiting messages one pod is for."""
    polling_interval: int = Field(default=15, ge=1)
    """How often queues are asked for their length, in seconds."""
    cooldown_period: int = Field(default=300, ge=0)
    """How long queues are empty before pods go, in seconds."""


class DisruptionBudget(Values):
    """A PodDisruptionBudget: what node maintenance has to leave running."""

    enabled: bool = True
    """Whether there is one."""
    min_available: int | str = 1
    """How many pods stay, as a number or a percentage."""


class ServiceValues(Values):
    """A Service."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Its type."""
    port: Port = 80
    """Its port; containers listen on 8080."""
    annotations: Labels = {}
    """Annotations, such as those of a cloud's load balancer."""


class RoleValues(Values):
    """The pods of one role."""

    args: list[str] = Field(min_length=1)
    """The arguments of `relaunch`."""
    replicas: int = Field(default=2, ge=0)
    """How many pods there are, where nothing scales them."""
    resources: Anything = {
        "requests": {"cpu": "100m", "memory": "192Mi"},
        "limits": {"memory": "512Mi"},
    }
    """Requests and limits. No limit of processor time: a throttled receiver answers
    late."""
    autoscaling: Autoscaling = Autoscaling()
    pdb: DisruptionBudget = DisruptionBudget()
    extra_env: Items = []
    """Further variables of the container, such as proxies."""
    pod_annotations: Labels = {}
    """Further annotations of pods."""
    pod_labels: Labels = {}
    """Further labels of pods."""
    node_selector: Labels = {}
    """Labels of the nodes that run these pods."""
    tolerations: Items = []
    """Taints of those nodes."""
    affinity: Anything = {}
    """Affinity of these pods."""
    topology_spread_constraints: Items = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
    """How pods are spread over zones and nodes; the selector is filled in."""
    priority_class_name: str = ""
    """The PriorityClass of these pods."""
    termination_grace_period_seconds: int = Field(default=60, ge=1)
    """How long a pod may take to stop, the delay of `preStopSeconds` included."""


class Destination(Values):
    """What pods of the release may reach: addresses by peers, at ports."""

    to: Items = []
    """NetworkPolicyPeers; any address when empty."""
    ports: list[Port] = []
    """TCP ports; any when empty."""
