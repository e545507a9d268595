"""Each alert is raised by the series that it is about, and by no calm ones."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.docs import ROOT
from scripts.tools import FOLDER
from service.domain.building.failure import FailureClass, FixedBy
from tests.chart.rendering import Helm, named
from tests.chart.test_monitoring import ALERTS

HERE: Final = "apps"
ELSEWHERE: Final = "others"
WEBHOOKS: Final = '{route="/webhooks/github/{hook_id}", status="202"'
UP: Final = {
    'up{job="relaunch-receivers"}': "1+0x200",
    'up{job="relaunch-consumers"}': "1+0x200",
    'up{job="relaunch-api"}': "1+0x200",
}
REFUSED: Final = '{host="git.example.org", outcome="unauthorized"}'
CALM: Final = {
    **UP,
    'relaunch_leading{job="relaunch-consumers"}': "1+0x200",
    # Who does not lead shows nothing of what the leader measures.
    'relaunch_leading{job="relaunch-consumers", pod="other"}': "NaN+0x200",
    'relaunch_launchers_outdated_without_build{pod="other"}': "NaN+0x200",
    "relaunch_launchers_outdated_without_build": "0+0x200",
    # Busy, and emptied again and again.
    'relaunch_queue_messages{role="evaluation"}': " ".join(["0+50x4"] * 40),
    "relaunch_outbox_oldest_seconds": "1+0x200",
    "relaunch_evaluations_oldest_due_seconds": "2+0x200",
    "relaunch_builds_oldest_queued_seconds": "60+0x200",
    "relaunch_sweep_lag_seconds": "5+0x200",
    'relaunch_dead_letters{role="building"}': "0+0x200",
    'relaunch_hooks{health="unhealthy"}': "0+0x200",
    "relaunch_deliveries_spooled_total": "3+0x200",
    'relaunch_evaluations_total{verdict="unknown"}': "0+1x200",
    'relaunch_evaluations_total{verdict="changed"}': "0+9x200",
    'relaunch_builds_total{outcome="failed", reason="no_such_package"}': "0+1x200",
    f"relaunch_request_seconds_count{WEBHOOKS}}}": "0+60x200",
    f'relaunch_request_seconds_bucket{WEBHOOKS}, le="5"}}': "0+60x200",
    f'relaunch_request_seconds_bucket{WEBHOOKS}, le="+Inf"}}': "0+60x200",
    'relaunch_push_to_ready_seconds_bucket{stage="all", le="1800"}': "0+6x200",
    'relaunch_push_to_ready_seconds_bucket{stage="all", le="+Inf"}': "0+6x200",
}
"""Three hours of an installation that is well."""
TROUBLE: Final[Mapping[str, Mapping[str, str]]] = {
    "RelaunchDown": {'up{job="relaunch-receivers"}': "0+0x200"},
    "RelaunchDeliveriesFail": {
        'relaunch_request_seconds_count{route="/webhooks/x", status="503"}': "0+1x200"
    },
    "RelaunchDeliveriesSpooled": {"relaunch_deliveries_spooled_total": "0+1x200"},
    "RelaunchDeliveriesSlow": {
        f'relaunch_request_seconds_bucket{WEBHOOKS}, le="5"}}': "0+30x200",
        f'relaunch_request_seconds_bucket{WEBHOOKS}, le="10"}}': "0+60x200",
    },
    "RelaunchEvaluationsUnknown": {
        'relaunch_evaluations_total{verdict="unknown"}': "0+99x200"
    },
    "RelaunchForgeTokenRefused": {f"relaunch_forge_requests_total{REFUSED}": "0+1x200"},
    "RelaunchBuildsFailForOperators": {
        'relaunch_builds_total{outcome="failed", reason="out_of_disk"}': "0+1x200"
    },
    "RelaunchLaunchersOutdated": {
        "relaunch_launchers_outdated_without_build": "1+0x200"
    },
    "RelaunchPushesSlow": {
        'relaunch_push_to_ready_seconds_bucket{stage="all", le="1800"}': "0+1x200",
        'relaunch_push_to_ready_seconds_bucket{stage="all", le="3600"}': "0+6x200",
    },
    "RelaunchEvaluationsLate": {"relaunch_evaluations_oldest_due_seconds": "700+0x200"},
    "RelaunchBuildsWait": {"relaunch_builds_oldest_queued_seconds": "4000+0x200"},
    "RelaunchMessagesWait": {'relaunch_queue_messages{role="rollout"}': "101+0x200"},
    "RelaunchOutboxStuck": {"relaunch_outbox_oldest_seconds": "400+0x200"},
    "RelaunchSweepLate": {"relaunch_sweep_lag_seconds": "4000+0x200"},
    "RelaunchDeadLetters": {'relaunch_dead_letters{role="building"}': "1+0x200"},
    "RelaunchHooksUnhealthy": {'relaunch_hooks{health="unhealthy"}': "2+0x200"},
    "RelaunchNobodyLeads": {'relaunch_leading{job="relaunch-consumers"}': "NaN+0x200"},
}
LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "RelaunchDown": {"role": "receivers"},
    "RelaunchForgeTokenRefused": {"host": "git.example.org"},
    "RelaunchBuildsFailForOperators": {"reason": "out_of_disk"},
    "RelaunchDeadLetters": {"role": "building"},
    "RelaunchMessagesWait": {"role": "rollout"},
}
SILENT: Final = {
    FailureClass.CLONE_FAILED: "a forge or a permission, which evaluations tell of",
    FailureClass.PRIVATE_REFUSED: "what operators decided",
    FailureClass.DEADLINE: "mostly a definition that takes long",
    FailureClass.LOST: "a consumer that ended, which other alerts tell of",
    FailureClass.UPSTREAM_BUSY: "somebody else builds in Renku",
    FailureClass.UPSTREAM_OUTDATED: "somebody else builds in Renku",
    FailureClass.SHADOW: "what operators decided",
}
"""What no author can mend and nobody is woken for."""


NOT_DRILLED: Final = {
    "RelaunchBuildsWait": "needs a queue of more than minutes; promtool tests the rule",
    "RelaunchDeliveriesSlow": "five seconds are five seconds in a drill, too",
    "RelaunchEvaluationsLate": "an evaluation that fails is due later by its wait",
    "RelaunchEvaluationsUnknown": "a wait for forges doubles, and no drill shortens it",
    "RelaunchMessagesWait": "the leader measures queues, and empties them in seconds",
    "RelaunchPushesSlow": "half an hour is half an hour in a drill, too",
    "RelaunchSweepLate": "needs more repositories than an hour has requests",
}
"""Alerts that no drill raises; their rules are tested here alone."""
DRILLS: Final = ROOT / "tests" / "journeys"


def rule_test(
    series: Mapping[str, str], alerts: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    return {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": text} for name, text in series.items()
        ],
        "alert_rule_test": alerts,
    }


def placed(series: Mapping[str, str], namespace: str) -> Mapping[str, str]:
    """Return series as those of an installation there."""
    there = f'namespace="{namespace}"'
    return {
        f"{name[:-1]}, {there}}}" if name.endswith("}") else f"{name}{{{there}}}": text
        for name, text in series.items()
    }


def expected(name: str) -> Mapping[str, Any]:
    """Expect one alert, with its labels and its sentence."""
    (rule,) = [alert for alert in ALERTS if alert["alert"] == name]
    labels = LABELS.get(name, {})
    summary = rule["annotations"]["summary"]
    for label, text in labels.items():
        summary = summary.replace("{{ $labels." + label + " }}", text)
    given = {**rule["labels"], "namespace": HERE}
    return {
        "exp_labels": {**given, **labels},
        "exp_annotations": {"summary": summary},
    }


def none_raised() -> Sequence[Mapping[str, Any]]:
    return [
        {"eval_time": "3h", "alertname": name, "exp_alerts": []} for name in TROUBLE
    ]


def test_who_can_mend_a_build_is_woken_for_it() -> None:
    (rule,) = [item for item in ALERTS if item["alert"].endswith("FailForOperators")]
    (reasons,) = re.findall(r'reason=~"([^"]*)"', rule["expr"])
    others = {item for item in FailureClass if item.fixed_by is FixedBy.OTHERS}

    woken_for = {item.word for item in others - set(SILENT)}
    assert set(reasons.split("|")) == woken_for


@pytest.mark.parametrize("role", ["receivers", "consumers", "api"])
def test_each_role_that_is_away_is_noticed(role: str) -> None:
    (rule,) = [item for item in ALERTS if item["alert"] == "RelaunchDown"]

    wanted = f'absent(up{{job="$release-{role}", namespace="$namespace"}} == 1)'
    assert f'label_replace({wanted}, "role", "{role}", "", "")' in rule["expr"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_is_about_one_installation(alert: Mapping[str, Any]) -> None:
    asked = re.findall(r"\b(?:up|relaunch_\w+)\b(\{[^}]*\})?", alert["expr"])

    assert asked
    assert all('namespace="$namespace"' in selector for selector in asked)
    assert alert["labels"]["namespace"] == "$namespace"


def test_every_alert_has_a_case() -> None:
    assert set(TROUBLE) == {alert["alert"] for alert in ALERTS}


def test_every_alert_is_drilled_or_has_a_reason() -> None:
    drills = "".join(path.read_text() for path in DRILLS.glob("test_drill*.py"))
    drilled = set(re.findall(r'"(Relaunch\w+)"', drills))

    assert drilled | set(NOT_DRILLED) == set(TROUBLE)
    assert drilled & set(NOT_DRILLED) == set()


@pytest.mark.promtool
def test_each_alert_is_raised_alone_by_what_it_is_about_and_by_nothing_calm(
    helm: Helm, tmp_path: Path
) -> None:
    own = FOLDER / "promtool"
    program = str(own) if own.is_file() else shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool: `make test` fetches it where apt-get can")
    here = placed(CALM, HERE)
    tests = [rule_test(here, none_raised())]
    for name, changes in TROUBLE.items():
        raised = [
            {
                **calm,
                "exp_alerts": [expected(name)] if calm["alertname"] == name else [],
            }
            for calm in none_raised()
        ]
        # Another installation in the same Prometheus neither hides it nor has it too.
        for well, ill, alerts in (
            (ELSEWHERE, HERE, raised),
            (HERE, ELSEWHERE, none_raised()),
        ):
            series = {**placed(CALM, well), **placed({**CALM, **changes}, ill)}
            tests.append(rule_test(series, alerts))
    rules = tmp_path / "alerts.yaml"
    objects = helm.objects({"monitoring": {"prometheusRule": True}})
    rule = named(objects, "PrometheusRule", "relaunch")
    rules.write_text(json.dumps(rule["spec"]))
    path = tmp_path / "alerts.test.yaml"
    path.write_text(json.dumps({"rule_files": [str(rules)], "tests": tests}))

    answer = subprocess.run(
        [program, "test", "rules", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
