"""An API server for what a real one cannot be made to do: Jobs only, in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

__all__ = ["KubeApi", "a_job", "kube_api"]

LABELS = {
    "app.kubernetes.io/managed-by": "relaunch",
    "app.kubernetes.io/instance": "relaunch",
}
GONE = {
    "kind": "Status",
    "code": 410,
    "reason": "Expired",
    "message": "too old resource version",
}


def a_job(build: str, **status: Any) -> dict[str, Any]:
    """What a Job looks like, with much of what a real one carries."""
    noise: dict[str, Any] = {
        f"f:{number}": {"f:key": {}, "f:value": {}} for number in range(40)
    }
    return {
        "metadata": {
            "name": f"relaunch-{build}-1",
            "uid": f"uid-of-{build}",
            "labels": LABELS | {"relaunch.dev/build": build},
            "annotations": {"relaunch.dev/build": build},
            "creationTimestamp": "2026-03-01T12:00:00Z",
            "managedFields": [{"manager": "somebody", "fieldsV1": noise}],
        },
        "spec": {"backoffLimit": 0, "template": {"spec": noise}},
        "status": status,
    }


@dataclass(slots=True)
class KubeApi:
    """A running server."""

    kubeconfig: Path
    asked: list[Mapping[str, str]] = field(default_factory=list)
    """What each list and watch asked for."""
    answer: tuple[int, str] | None = None
    """Answer everything with this status and body."""
    breaks: bool = False
    """Close connections in the middle of every answer."""
    date: str = ""
    """The `Date` of every answer; this machine's when empty (RFC 9110 §6.6.1)."""
    is_expired: bool = False
    """Refuse the next watch: its version is too old."""
    _jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _version: int = 100
    _watches: list[web.StreamResponse] = field(default_factory=list)
    _change: asyncio.Event = field(default_factory=asyncio.Event)

    # what tests say

    def hold(self, job: dict[str, Any]) -> None:
        """Keep a Job without telling any watch."""
        self._version += 1
        job["metadata"]["resourceVersion"] = str(self._version)
        self._jobs[job["metadata"]["name"]] = job

    def lose(self, job: dict[str, Any]) -> None:
        """Forget a Job without telling any watch."""
        self._version += 1
        del self._jobs[job["metadata"]["name"]]

    async def tell(self, kind: str, found: Mapping[str, Any]) -> None:
        """Tell every watch of something."""
        line = json.dumps({"type": kind, "object": found}).encode() + b"\n"
        for watch in self._watches:
            await watch.write(line)

    async def bookmark(self, version: str) -> None:
        """Tell every watch a version, and nothing else."""
        about = {"resourceVersion": version, "creationTimestamp": None}
        await self.tell("BOOKMARK", {"kind": "Job", "metadata": about})

    async def expire(self) -> None:
        """End every watch as a server does that has forgotten what was."""
        await self.tell("ERROR", GONE)

    def cut(self) -> None:
        """Break every watch."""
        for watch in self._watches:
            transport = watch._req.transport if watch._req else None
            if transport is not None:
                transport.abort()

    async def watches(self, count: int) -> Mapping[str, str]:
        """Wait for the n-th watch; return what it asked for."""
        while len(self._asked_for_watches()) < count or not self._watches:
            await self._change.wait()
        return self._asked_for_watches()[count - 1]

    def lists(self) -> int:
        """Say how often something was listed."""
        return sum("watch" not in entry for entry in self.asked)

    def _asked_for_watches(self) -> list[Mapping[str, str]]:
        return [entry for entry in self.asked if "watch" in entry]

    # what the server does

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.answer:
            status, body = self.answer
            date = {"Date": self.date} if self.date else None
            return web.Response(status=status, text=body, headers=date)
        if self.breaks:
            return await self._break(request)
        self.asked.append(dict(request.query))
        if "watch" in request.query:
            return await self._watch(request)
        return web.json_response(self._list(request.query))

    def _list(self, query: Mapping[str, str]) -> dict[str, Any]:
        begin, limit = int(query.get("continue", "0")), int(query["limit"])
        items = list(self._jobs.values())
        rest = str(begin + limit) if begin + limit < len(items) else ""
        return {
            "metadata": {"resourceVersion": str(self._version), "continue": rest},
            "items": items[begin : begin + limit],
        }

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if self.is_expired:
            self.is_expired = False
            return web.json_response(GONE, status=410)
        answer = web.StreamResponse()
        await answer.prepare(request)
        self._watches.append(answer)
        self._changed()
        try:
            await asyncio.Event().wait()
        finally:
            self._watches.remove(answer)
        return answer

    async def _break(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b'{"items": [')
        assert request.transport is not None
        request.transport.abort()
        return answer

    def _changed(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()


@asynccontextmanager
async def kube_api(folder: Path) -> AsyncIterator[KubeApi]:
    """Serve an empty namespace on loopback."""
    api = KubeApi(kubeconfig=folder / "kubeconfig")
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", api.handle)
    async with TestServer(application, handler_cancellation=True) as server:
        where = {"server": str(server.make_url("/")).rstrip("/")}
        known = {"cluster": "here", "user": "nobody"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "clusters": [{"name": "here", "cluster": where}],
            "contexts": [{"name": "it", "context": known}],
            "users": [{"name": "nobody", "user": {}}],
        }
        api.kubeconfig.write_text(json.dumps(config))
        yield api
