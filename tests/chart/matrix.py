"""Sets of values that the chart is rendered with: each turns something on, or off."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MATRIX"]

_ON: Final = {"enabled": True}
_OFF: Final = {"enabled": False}
_ROLES: Final = ("receivers", "api", "consumers")

MATRIX: Final[Mapping[str, Mapping[str, Any]]] = {
    "minimal": {},
    "a broker of the operator's": {"secrets": {"bus": {"existingSecret": "broker"}}},
    "bundle": {
        "secrets": {
            "generate": True,
            **{name: {"existingSecret": ""} for name in ("database", "token")},
            "secretKey": {"existingSecret": ""},
        },
        "bundle": {"postgresql": _ON, "rabbitmq": {**_ON, "storage": ""}},
    },
    "ingress": {"ingress": {**_ON, "className": "nginx", "tlsSecret": "certificate"}},
    "route of a gateway": {"httpRoute": {**_ON, "parentRefs": [{"name": "public"}]}},
    "webhooks alone outside": {"ingress": {**_ON, "host": "x.org", "api": False}},
    "no page outside": {
        "httpRoute": {**_ON, "parentRefs": [{"name": "public"}], "page": False}
    },
    "scaled by processor time": {role: {"autoscaling": _ON} for role in _ROLES},
    "scaled by queues": {
        "secrets": {"bus": {"existingSecret": "broker"}},
        "settings": {"amqp": {"prefix": "renku"}},
        "consumers": {"keda": _ON},
    },
    "monitoring": {
        "monitoring": {
            "serviceMonitor": True,
            "prometheusRule": True,
            "dashboard": True,
            "labels": {"release": "prometheus"},
        }
    },
    "nothing optional": {
        "networkPolicy": _OFF,
        "migration": _OFF,
        "preStopSeconds": 0,
        "builds": {"createNamespace": False, "networkPolicy": _OFF},
        **{
            role: {"pdb": _OFF, "topologySpreadConstraints": [], "replicas": 1}
            for role in _ROLES
        },
    },
    "everything of a pod": {
        role: {
            "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
            "podAnnotations": {"example.org/a": "b"},
            "podLabels": {"team": "a"},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"key": "dedicated", "operator": "Exists"}],
            "affinity": {"podAntiAffinity": {}},
            "priorityClassName": "high",
        }
        for role in _ROLES
    },
    "private networks": {
        "builds": {
            "namespace": "their-builds",
            "quota": {"requests.cpu": "20", "pods": "40"},
            "networkPolicy": {
                "registry": ["10.9.8.7/32"],
                "forges": ["10.1.0.0/16", "fd12:3456::/32"],
                "apiAddresses": ["203.0.113.9/32", "2001:db8::9/128"],
                "privatePorts": [443, 5000],
            },
        }
    },
    "image by digest": {
        "image": {"digest": f"sha256:{'0' * 64}", "pullSecrets": ["pull"]},
        "commonLabels": {"team": "a"},
        "extraObjects": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "{{ .Release.Name }}-more"},
            }
        ],
    },
    "all secrets": {
        "secrets": {
            name: {"existingSecret": "all"}
            for name in ("bus", "caBundle", "forgeTokens", "signingKey", "amqpCaFile")
        }
    },
}
