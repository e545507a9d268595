"""What is counted begins at zero, so that the first of a kind is seen to happen."""

import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from scripts.docs import ROOT
from service.domain.building.failure import FailureClass
from service.metrics import Metrics
from service.metrics.known_labels import EVALUATIONS
from tests.chart.test_monitoring import expressions


def shown(metrics: Metrics) -> dict[str, str]:
    lines = generate_latest(metrics.registry).decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("kind", FailureClass)
def test_a_build_that_fails_for_the_first_time_is_a_growth(kind: FailureClass) -> None:
    metrics = Metrics(registry=CollectorRegistry())
    metrics.expect_pushes()
    name = f'relaunch_builds_total{{outcome="failed",reason="{kind.word}"}}'
    before = shown(metrics)[name]

    metrics.build_ended(outcome="failed", reason=kind.word, took=None)

    assert (before, shown(metrics)[name]) == ("0.0", "1.0")


def test_deliveries_are_expected_of_receivers_alone() -> None:
    metrics = Metrics(registry=CollectorRegistry())
    route = "/webhooks/github/{hook_id}"
    labels = f'{{method="POST",route="{route}",status="503"}}'
    name = f"relaunch_request_seconds_count{labels}"
    assert name not in shown(metrics)

    metrics.expect_deliveries("POST", route)

    assert shown(metrics)[name] == "0.0"


def test_what_begins_at_zero_is_asked_for_as_a_growth() -> None:
    """Nothing else is worth a line at every scrape."""
    metrics = Metrics(registry=CollectorRegistry())
    before = set(shown(metrics))
    metrics.expect_deliveries("POST", "/webhooks/github/{hook_id}")
    metrics.expect_pushes()

    added = {name.partition("{")[0] for name in set(shown(metrics)) - before}

    growths = {
        re.sub("_(bucket|count|total)$", "", name)
        for expression in expressions()
        for name in re.findall(r"(?:rate|increase)\((relaunch_\w+)", expression)
    }
    counted = {re.sub("_(bucket|count|sum|total|created)$", "", name) for name in added}
    assert counted <= growths


def test_a_process_that_counts_nothing_writes_no_zeros() -> None:
    lines = shown(Metrics(registry=CollectorRegistry()))

    assert not [name for name in lines if "{" in name]


@pytest.mark.parametrize("reason", [reason for _, reason in EVALUATIONS])
def test_reasons_are_those_that_evaluations_give(reason: str) -> None:
    given = [ROOT / "service/domain/evaluation", ROOT / "consumers/evaluation"]
    given += [ROOT / "service/definitions"]
    files = [ROOT / "service/errors.py", *(f for d in given for f in d.rglob("*.py"))]
    sources = [path.read_text() for path in files]
    words = {reason, reason.removeprefix("remote_")}

    assert any(f'"{word}"' in text for word in words for text in sources)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "2xx"), (401, "unauthorized"), (403, "4xx"), (None, "no_answer")],
)
def test_a_refused_token_is_counted_apart(status: int | None, outcome: str) -> None:
    metrics = Metrics(registry=CollectorRegistry())

    metrics.forge_answered(host="git.example.org", status=status)

    labels = f'{{host="git.example.org",outcome="{outcome}"}}'
    assert shown(metrics)[f"relaunch_forge_requests_total{labels}"] == "1.0"


@pytest.mark.parametrize("status", [200, 403, 500, None])
def test_the_first_refusal_of_a_token_is_a_growth(status: int | None) -> None:
    metrics = Metrics(registry=CollectorRegistry())
    labels = '{host="git.example.org",outcome="unauthorized"}'
    name = f"relaunch_forge_requests_total{labels}"
    metrics.forge_answered(host="git.example.org", status=status)
    before = shown(metrics)[name]

    metrics.forge_answered(host="git.example.org", status=401)

    assert (before, shown(metrics)[name]) == ("0.0", "1.0")
