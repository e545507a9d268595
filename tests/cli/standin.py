"""A server that answers whatever it was told to, for what no real service does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(kw_only=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class StandIn:
    url: str
    status: int = 200
    content_type: str = "application/json"
    body: bytes = b"[]"
    bodies: list[bytes] = field(default_factory=list)
    """Answered before `body`, each once."""
    statuses: list[int] = field(default_factory=list)
    """Answered before `status`, each once."""
    cursors: list[str] = field(default_factory=list)
    """Named as what begins the next page, each once; none where empty."""
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            told.asked.append(
                Asked(
                    method=self.command,
                    path=self.path,
                    headers={key.lower(): text for key, text in self.headers.items()},
                    body=self.rfile.read(length),
                )
            )
            body = told.bodies.pop(0) if told.bodies else told.body
            self.send_response(told.statuses.pop(0) if told.statuses else told.status)
            self.send_header("Content-Type", told.content_type)
            self.send_header("Content-Length", str(len(body)))
            if told.cursors and (cursor := told.cursors.pop(0)):
                self.send_header("next-cursor", cursor)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = StandIn(url=f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
