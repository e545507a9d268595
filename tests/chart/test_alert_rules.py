"""Each alert is raised by the series that it is about, and by no calm ones."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.tools import FOLDER
from tests.chart.rendering import CHART
from tests.chart.test_monitoring import ALERTS

RULES: Final = CHART / "files" / "alerts.yaml"
WEBHOOKS: Final = '{route="/webhooks/github/{hook_id}", status="202"'
UP: Final = {
    'up{job="relaunch-receivers"}': "1+0x200",
    'up{job="relaunch-consumers"}': "1+0x200",
}
CALM: Final = {
    **UP,
    "relaunch_leading": "1+0x200",
    # Who does not lead shows nothing of what the leader measures.
    'relaunch_leading{pod="other"}': "NaN+0x200",
    'relaunch_launchers_outdated_without_build{pod="other"}': "NaN+0x200",
    "relaunch_launchers_outdated_without_build": "0+0x200",
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
    "RelaunchOutboxStuck": {"relaunch_outbox_oldest_seconds": "400+0x200"},
    "RelaunchSweepLate": {"relaunch_sweep_lag_seconds": "4000+0x200"},
    "RelaunchDeadLetters": {'relaunch_dead_letters{role="building"}': "1+0x200"},
    "RelaunchHooksUnhealthy": {'relaunch_hooks{health="unhealthy"}': "2+0x200"},
    "RelaunchNobodyLeads": {"relaunch_leading": "NaN+0x200"},
}
LABELS: Final = {
    "RelaunchBuildsFailForOperators": {"reason": "out_of_disk"},
    "RelaunchDeadLetters": {"role": "building"},
}


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


def expected(name: str) -> Mapping[str, Any]:
    """Expect one alert, with its labels and its sentence."""
    (rule,) = [alert for alert in ALERTS if alert["alert"] == name]
    labels = LABELS.get(name, {})
    summary = rule["annotations"]["summary"]
    for label, text in labels.items():
        summary = summary.replace("{{ $labels." + label + " }}", text)
    return {
        "exp_labels": {**rule["labels"], **labels},
        "exp_annotations": {"summary": summary},
    }


def test_every_alert_has_a_case() -> None:
    assert set(TROUBLE) == {alert["alert"] for alert in ALERTS}


@pytest.mark.promtool
def test_each_alert_is_raised_by_what_it_is_about_and_by_nothing_calm(
    tmp_path: Path,
) -> None:
    own = FOLDER / "promtool"
    program = str(own) if own.is_file() else shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool: `make test` fetches it where apt-get can")
    calm = [
        {"eval_time": "3h", "alertname": name, "exp_alerts": []} for name in TROUBLE
    ]
    tests = [rule_test(CALM, calm)]
    for name, changes in TROUBLE.items():
        found = expected(name)
        # `absent` has the labels that its selector fixes: none here.
        raised = [{"eval_time": "3h", "alertname": name, "exp_alerts": [found]}]
        tests.append(rule_test({**CALM, **changes}, raised))
    path = tmp_path / "alerts.test.yaml"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "tests": tests}))

    answer = subprocess.run(
        [program, "test", "rules", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
