"""The real service in a process of its own, to be killed and started again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.domain.delivery import Forge
from service.domain.hook import Proof, Secret
from service.domain.repository import Ref, Repository
from service.forges.outgoing import sign_push
from service.forges.push_facts import CommitFacts, PushFacts
from tests.support.api import root_of
from tests.support.patience import Patience

START = 20.0
"""Seconds in which a start must have come to an end; it takes about one."""
END = 15.0
"""Seconds in which a process must have ended."""


class Service:
    """`relaunch dev` over one data folder, or one process of another role.

    Args:
        data: The folder; processes of one machine may share it.
        role: The command.
        name: Tells processes over one folder apart.
        variables: Settings.
    """

    def __init__(
        self, data: Path, *, role: str = "dev", name: str = "", **variables: str
    ) -> None:
        self.data = data
        self.role = role
        self.log = data.with_name(f"{data.name}{name and '-'}{name}.log")
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0
        self.url = ""
        self.source: Path | None = None
        """Where its code is; None for ours."""

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: text
            for name, text in os.environ.items()  # noqa: TID251
            if "RELAUNCH" not in name
        }
        own = {"RELAUNCH_DATA": str(self.data), "RELAUNCH_LISTEN": "127.0.0.1:0"}
        return kept | own | self._variables

    def set(self, variable: str, value: str) -> None:
        """Give it another setting, which counts from its next start on."""
        self._variables[variable] = value

    def start(self) -> None:
        self.launch()
        self.until(self.answers, "the service to answer", START)

    def launch(self) -> None:
        """Start it without waiting until it answers."""
        self._began = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", *self.role.split()],
                env=self.environment,
                cwd=self.source,
                stdout=log,
                stderr=log,
            )

    def answers(self) -> bool:
        """Say whether it answers, and where; it must not have ended."""
        assert self._process is not None
        said = self.said()
        assert self._process.poll() is None, said
        found = re.search(r" at (http://[^\s/;]+)", said)
        if found:
            self.url = found[1]
        return found is not None

    def said(self) -> str:
        """Return what it printed since it was started."""
        return self.log.read_bytes()[self._began :].decode()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self, within: float = END) -> int | None:
        """Ask it to end in so many seconds of a calm machine; return its exit code."""
        return self._end(signal.SIGTERM, within)

    def _end(self, number: signal.Signals, within: float = END) -> int | None:
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.send_signal(number)
        self.until(lambda: process.poll() is not None, "the process to end", within)
        return process.returncode

    # asking

    def api(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token()}"}
        raw = None if body is None else json.dumps(body).encode()
        return self._send(method, root_of(path) + path, headers, raw)

    def _token(self) -> str:
        given = self._variables.get("RELAUNCH_TOKEN")
        return given or (self.data / "token").read_text().strip()

    def metric(self, name: str) -> float:
        """Add up a metric over its labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:  # noqa: S310
            lines = answer.read().decode().splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.partition("{")[0].partition(" ")[0] == name
        )

    def memory(self) -> int:
        """Return its resident memory in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own loopback service
            self.url + path, data=body, method=method, headers=dict(headers)
        )
        request.add_unredirected_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                said = answer.read()
        except urllib.error.HTTPError as exc:
            said = exc.read().decode()
            raise AssertionError(f"{method} {path}: {exc.code} {said}") from exc
        return json.loads(said) if said else None

    def follow(self, url: str, name: str) -> dict[str, Any]:
        """Add a launcher without a frontend."""
        environment = {
            "environment_image_source": "build",
            "repository": url,
            "builder_variant": "python",
            "frontend_variant": "none",
        }
        body = {"name": name, "environment": environment}
        added: dict[str, Any] = self.api("POST", "/session_launchers", body)
        return added

    def deliver(self, hook: Mapping[str, Any], ref: str, after: str) -> dict[str, Any]:
        """Send a push as GitHub does; return the receipt."""
        path, headers, body = delivery(hook, ref, after)
        receipt: dict[str, Any] = self._send("POST", path, headers, body)
        return receipt

    def until(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for something; fail after so many seconds of a calm machine."""
        patience = Patience(seconds)
        while not holds():
            if patience.is_over():
                said = self.log.read_text()[-3000:]
                raise AssertionError(f"waited {seconds} s for {what}\n{said}")
            time.sleep(0.05)


def delivery(
    hook: Mapping[str, Any], ref: str, after: str
) -> tuple[str, Mapping[str, str], bytes]:
    """Make what GitHub sends for a push: path, headers and body."""
    now = datetime.now(UTC)  # noqa: TID251 - the real service tells the real time
    facts = PushFacts(
        repository=Repository.from_url(hook["repository"]),
        ref=Ref(ref),
        before="0" * 40,
        after=after,
        head=_facts(after, now),
        commits=(_facts(after, now),),
    )
    headers, body = sign_push(
        Forge.GITHUB,
        Proof.HMAC,
        Secret(hook["secret"]),
        facts,
        delivery_id=str(uuid.uuid4()),
        now=now,
    )
    return f"/webhooks/github/{hook['id']}", headers, body


def _facts(commit: str, at: datetime) -> CommitFacts:
    return CommitFacts(
        id=commit,
        tree=commit,
        message="a change",
        at=at,
        author_name="A Person",
        author_email="person@example.org",
    )
