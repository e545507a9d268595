"""Resource quantities in Kubernetes' notation.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from service.adapters.kubernetes.client import Json

__all__ = ["Amounts", "parse_quantity", "sum_resources"]

Amounts = Mapping[str, Decimal]
"""Amounts by the names of quotas: `requests.cpu`, `limits.memory`, `pods` and so on."""

_SUFFIXES: Final[Mapping[str, Decimal]] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(1000),
    **{char: Decimal(1000) ** power for power, char in enumerate("MGTPE", start=2)},
    **{
        f"{char}i": Decimal(1024) ** power
        for power, char in enumerate("KMGTPE", start=1)
    },
}
_QUANTITY: Final = re.compile(r"([+-]?\d+(?:\.\d*)?)(?:([a-zA-Z]*)|[eE]([+-]?\d+))")


def parse_quantity(text: object) -> Decimal:
    """Parse a quantity.

    Raises:
        ValueError: It is not a quantity.
    """
    match = _QUANTITY.fullmatch(str(text))
    if match is None or (match[2] or "") not in _SUFFIXES:
        raise ValueError(f"{str(text)[:30]!r} is not a quantity")
    # Decimal, not float: quotas compare sums such as 0.1 + 0.2 CPUs exactly.
    exponent = Decimal(10) ** int(match[3]) if match[3] else Decimal(1)
    return Decimal(match[1]) * _SUFFIXES[match[2] or ""] * exponent


def sum_resources(pod: Json) -> Amounts:
    """Return the effective requests and limits of a pod.

    Init containers run in sequence before the others, so the maximum counts, not the
    sum:
    https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    first = [
        _read_resources(container) for container in pod.get("initContainers") or ()
    ]
    others = [_read_resources(container) for container in pod.get("containers") or ()]
    names = {name for entry in (*first, *others) for name in entry}
    total = {
        name: sum((entry.get(name, Decimal()) for entry in others), Decimal())
        for name in names
    }
    return {
        "pods": Decimal(1),
        **{
            name: max(total[name], *_list_values(first, name)) for name in sorted(names)
        },
    }


def _list_values(amounts: Iterable[Amounts], name: str) -> list[Decimal]:
    return [Decimal(), *(entry[name] for entry in amounts if name in entry)]


def _read_resources(container: Json) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    return {
        f"{kind}.{name}": parse_quantity(value)
        for kind in ("requests", "limits")
        for name, value in (resources.get(kind) or {}).items()
    }
