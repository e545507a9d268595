"""Alerts and dashboard ask for metrics that exist, and every alert has an entry."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from scripts.docs import ROOT
from service.metrics import Metrics
from tests.chart.rendering import CHART, read_yaml

ALERTS: list[dict[str, Any]] = [
    rule
    for group in read_yaml(CHART / "files" / "alerts.yaml")["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text())


def expressions() -> Iterator[str]:
    yield from (alert["expr"] for alert in ALERTS)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    written = generate_latest(Metrics(registry=CollectorRegistry()).registry).decode()
    found = set(re.findall(r"^# TYPE (relaunch_\w+)", written, re.MULTILINE))
    return found | {
        f"{name}_{suffix}" for name in found for suffix in ("count", "bucket")
    }


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_metric_that_is_asked_for_exists(
    expression: str, metrics: set[str]
) -> None:
    assert set(re.findall(r"\brelaunch_\w+", expression)) <= metrics


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_an_entry_that_says_what_to_do(alert: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()

    assert f"## {alert['alert']}\n" in page
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"]["summary"].endswith(".")


def test_no_entry_is_about_an_alert_that_is_gone() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()

    entries = set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert entries == {alert["alert"] for alert in ALERTS}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    cells = [
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(cells) == len(set(cells))
