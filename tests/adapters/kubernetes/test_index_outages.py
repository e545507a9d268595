"""What a build in a cluster finds out about a package index that is out of order."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.domain.building.build import BuildId
from service.domain.building.failure import FailureClass
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of, in_pods
from tests.adapters.local.builds import failure_of
from tests.support.githttp import GitForge
from tests.support.kube import Kube

pytestmark = pytest.mark.kubernetes


@contextmanager
def an_index_that_answers(status: int, host: str) -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            del format, args

    server = ThreadingHTTPServer((host, 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (503, FailureClass.NETWORK),
        (403, FailureClass.INDEX_REFUSED),
        (404, FailureClass.NO_SUCH_PACKAGE),
    ],
)
async def test_a_second_attempt_shows_what_the_index_answered(
    kube: Kube, forge: GitForge, status: int, kind: FailureClass
) -> None:
    build = a_build_of(forge, {"requirements.txt": "# a\nwords\n"})
    with an_index_that_answers(status, kube.host) as index:
        async with a_kubernetes_builder(kube, variables=in_pods(index)) as builder:
            first = await failure_of(builder, build)
            again = replace(
                build, id=BuildId(f"{build.id}-AGAIN"), attempt=2, failure=first
            )
            second = await failure_of(builder, again)

    assert (first.kind, first.is_doubtful) == (FailureClass.NO_SUCH_PACKAGE, True)
    assert (second.kind, second.is_doubtful) == (kind, False)
