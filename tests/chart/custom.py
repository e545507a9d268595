"""The objects of other projects that the chart makes, as strict schemas.

Kubernetes' own schemas do not hold them. Each has the fields that the chart uses and no
others, so a misspelt one is found; the projects' definitions are the source:

- https://gateway-api.sigs.k8s.io/reference/spec/
- https://prometheus-operator.dev/docs/api-reference/api/
- https://keda.sh/docs/latest/reference/scaledobject-spec/
"""

from typing import Any, Final

__all__ = ["CUSTOM"]

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "object", "additionalProperties": _TEXT}
_NUMBER: Final = {"type": "integer"}
_DURATION: Final = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$"}


def _exactly(required: str = "", /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


_HTTP_ROUTE: Final = _exactly(
    "parentRefs rules",
    parentRefs=_list(
        _exactly("name", name=_TEXT, namespace=_TEXT, sectionName=_TEXT, port=_NUMBER)
    ),
    hostnames=_list(_TEXT),
    rules=_list(
        _exactly(
            "matches backendRefs",
            matches=_list(
                _exactly(
                    path=_exactly(
                        "type value",
                        type={"enum": ["Exact", "PathPrefix", "RegularExpression"]},
                        value=_TEXT,
                    )
                )
            ),
            backendRefs=_list(_exactly("name port", name=_TEXT, port=_NUMBER)),
        )
    ),
)
_SERVICE_MONITOR: Final = _exactly(
    "selector endpoints",
    selector=_exactly(matchLabels=_TEXTS),
    targetLabels=_list(_TEXT),
    endpoints=_list(
        _exactly("port", port=_TEXT, path=_TEXT, interval=_DURATION),
    ),
)
_RULE: Final = _exactly(
    "alert expr", alert=_TEXT, expr=_TEXT, labels=_TEXTS, annotations=_TEXTS
)
_RULE["properties"]["for"] = _DURATION
_PROMETHEUS_RULE: Final = _exactly(
    "groups", groups=_list(_exactly("name rules", name=_TEXT, rules=_list(_RULE)))
)
_SCALED_OBJECT: Final = _exactly(
    "scaleTargetRef triggers",
    scaleTargetRef=_exactly("name", name=_TEXT, kind=_TEXT, apiVersion=_TEXT),
    minReplicaCount=_NUMBER,
    maxReplicaCount=_NUMBER,
    pollingInterval=_NUMBER,
    cooldownPeriod=_NUMBER,
    triggers=_list(
        _exactly(
            "type metadata",
            type=_TEXT,
            metadata=_TEXTS,
            authenticationRef=_exactly("name", name=_TEXT, kind=_TEXT),
        )
    ),
)
_TRIGGER_AUTHENTICATION: Final = _exactly(
    "secretTargetRef",
    secretTargetRef=_list(
        _exactly("parameter name key", parameter=_TEXT, name=_TEXT, key=_TEXT)
    ),
)
CUSTOM: Final = {
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): _HTTP_ROUTE,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _SERVICE_MONITOR,
    ("monitoring.coreos.com/v1", "PrometheusRule"): _PROMETHEUS_RULE,
    ("keda.sh/v1alpha1", "ScaledObject"): _SCALED_OBJECT,
    ("keda.sh/v1alpha1", "TriggerAuthentication"): _TRIGGER_AUTHENTICATION,
}
"""The schema of `spec`, by API version and kind."""
