"""A Prometheus server for tests, with the chart's rules in drill time."""

import json
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from scripts.tools import FOLDER
from tests.support.broker import free_port
from tests.support.patience import wait_until

__all__ = ["Alert", "Prometheus", "Sample", "a_prometheus", "in_drill_time"]

FASTER: Final = 400
"""How much less time passes in a drill: an hour is nine seconds."""
SHORTEST: Final = 5
"""Seconds: rates need a few samples, whatever the window would be, and one or two
scrapes that a busy machine answers too late are no process that is down."""
_SCRAPE: Final = "1s"
"""How often processes are asked, and how long each has to answer.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
"""
_STARTS_WITHIN: Final = 20.0
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(\d+)([smhd])")
_WINDOW: Final = re.compile(r"\[(\d+[smhd])\]")
_AGE: Final = re.compile(r"(\(relaunch_\w+_seconds\{[^}]*\}\) > )(\d+)")
"""How long something waits is compared with seconds; what histograms counted is not
changed by how fast rules count."""


def in_drill_time(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Return rules whose every duration is as much shorter: a drill takes seconds."""
    return {
        "groups": [
            {**group, "rules": [_faster(rule) for rule in group["rules"]]}
            for group in rules["groups"]
        ]
    }


def _faster(rule: Mapping[str, Any]) -> dict[str, Any]:
    windows = _WINDOW.sub(lambda it: f"[{_shorter(it[1])}]", rule["expr"])
    ages = _AGE.sub(lambda it: it[1] + _shorter(f"{it[2]}s")[:-1], windows)
    return {**rule, "expr": ages, "for": _shorter(rule["for"])}


def _shorter(duration: str) -> str:
    found = _DURATION.fullmatch(duration)
    assert found is not None, duration
    return f"{max(SHORTEST, int(found[1]) * _UNITS[found[2]] // FASTER)}s"


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of an answer."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is pending or fires.

    https://prometheus.io/docs/prometheus/latest/querying/api/#alerts
    """

    labels: Mapping[str, str]
    state: Literal["pending", "firing"]
    since: str
    """When it began to be pending."""

    @property
    def name(self) -> str:
        return self.labels["alertname"]

    @property
    def is_firing(self) -> bool:
        return self.state == "firing"

    @property
    def episode(self) -> tuple[object, ...]:
        """What tells it from the same one that began at another time."""
        return (self.since, *sorted(self.labels.items()))


class Prometheus:
    """A running server. Its calls block: use a thread."""

    def __init__(self, folder: Path, rules: Mapping[str, Any]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        self._targets: list[tuple[str, dict[str, str]]] = []
        (folder / "rules.yaml").write_text(json.dumps(rules))
        (folder / "prometheus.yaml").write_text(json.dumps(self._configuration()))
        self._write_targets()

    def watch(self, url: str, **labels: str) -> None:
        """Scrape a process from now on, as if discovered with these labels."""
        self._targets.append((url.removeprefix("http://"), labels))
        self._write_targets()

    def query(self, expression: str) -> Sequence[Sample]:
        """Return what an expression gives now; NaN is left out, as Grafana draws it.

        https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
        """
        found = self._get("query", query=expression)["result"]
        samples = [
            Sample(each["metric"], float(each["value"][1]))
            for each in found
            if each["value"][1] != "NaN"
        ]
        return sorted(samples, key=lambda sample: sorted(sample.labels.items()))

    def alerts(self) -> Sequence[Alert]:
        """Return the alerts that are pending or firing."""
        return [
            Alert(alert["labels"], alert["state"], alert["activeAt"])
            for alert in self._get("alerts")["alerts"]
        ]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; return when it is ready."""
        with (self._folder / "output").open("ab") as output:
            process = subprocess.Popen(
                [
                    _program(),
                    f"--config.file={self._folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: self._is_ready(process), "Prometheus", _STARTS_WITHIN)
        return process

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, (self._folder / "output").read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):  # noqa: S310
                return True
        except OSError:
            return False

    def _get(self, name: str, **parameters: str) -> Any:
        asked = f"{self.url}/api/v1/{name}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
            return json.load(answer)["data"]

    def _write_targets(self) -> None:
        groups = [
            {"targets": [address], "labels": labels}
            for address, labels in self._targets
        ]
        # Renamed, as the server reads it whenever it changes.
        draft = self._folder / "targets.draft"
        draft.write_text(json.dumps(groups))
        draft.rename(self._folder / "targets.json")

    def _configuration(self) -> Mapping[str, Any]:
        """https://prometheus.io/docs/prometheus/latest/configuration/configuration/"""
        return {
            "global": {"scrape_interval": _SCRAPE, "evaluation_interval": _SCRAPE},
            "rule_files": [str(self._folder / "rules.yaml")],
            "scrape_configs": [
                {
                    "job_name": "relaunch",
                    "file_sd_configs": [
                        {
                            "files": [str(self._folder / "targets.json")],
                            "refresh_interval": "1s",
                        }
                    ],
                }
            ],
        }


def _program() -> str:
    own = FOLDER / "prometheus"
    program = str(own) if own.is_file() else shutil.which("prometheus")
    if program is None:
        pytest.skip("no Prometheus: `make test` fetches it where apt-get can")
    return program


@contextmanager
def a_prometheus(folder: Path, rules: Mapping[str, Any]) -> Iterator[Prometheus]:
    """Run a server; skip the test where there is none."""
    server = Prometheus(folder, rules)
    process = server.start()
    try:
        yield server
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
