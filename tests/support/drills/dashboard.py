"""The chart's dashboard, drawn by asking Prometheus what its panels ask."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.chart.rendering import find_helm, named
from tests.support.drills.prometheus import Prometheus, Sample

__all__ = ["NAMESPACE", "Dashboard", "Target", "chart_monitoring"]

NAMESPACE: Final = "apps"
"""Where the chart is rendered for, as the release `relaunch`."""


def chart_monitoring() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the rules and the dashboard that the chart installs."""
    wanted = {"monitoring": {"prometheusRule": True, "dashboard": True}}
    objects = find_helm().objects(wanted)
    rules = named(objects, "PrometheusRule", "relaunch")["spec"]
    board = named(objects, "ConfigMap", "relaunch-dashboard")["data"]["relaunch.json"]
    return rules, json.loads(board)


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel."""

    panel: str
    expression: str
    legend: str

    def __str__(self) -> str:
        return f"{self.panel}: {self.legend}"


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The dashboard of one installation, as its operator has it before them."""

    definition: Mapping[str, Any]
    prometheus: Prometheus

    def targets(self) -> Iterator[Target]:
        """Return what it asks."""
        for panel in self.definition["panels"]:
            for target in panel.get("targets", []):
                asked = target["expr"].replace("$namespace", NAMESPACE)
                yield Target(panel["title"], asked, target["legendFormat"])

    def draw(self, target: Target) -> Sequence[Sample]:
        """Return what a query has now; it blocks."""
        return self.prometheus.query(target.expression)

    def reads(self, panel: str) -> dict[str, float]:
        """Return what a panel shows now: each line's name and value; it blocks."""
        shown = {}
        for target in self.targets():
            if target.panel == panel:
                for sample in self.draw(target):
                    shown[_filled(target.legend, sample.labels)] = sample.value
        return shown


def _filled(legend: str, labels: Mapping[str, str]) -> str:
    """https://grafana.com/docs/grafana/latest/datasources/prometheus/query-editor/"""
    for name, text in labels.items():
        legend = legend.replace("{{" + name + "}}", text)
    return legend
