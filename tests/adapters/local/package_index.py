"""A package index on loopback, with packages of a few bytes."""

import base64
import functools
import hashlib
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    name: str
    version: str = "1.0"
    requires: Sequence[str] = ()
    python: str = ""
    code: str = ""
    """What its module does when it is imported."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests read no access log."""


@contextmanager
def an_index(folder: Path, *wheels: Wheel, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve wheels; https://packaging.python.org/specifications/simple-repository-api/."""
    for name in {wheel.name for wheel in wheels}:
        page = folder / "simple" / name
        page.mkdir(parents=True)
        links = [_link(page, wheel) for wheel in wheels if wheel.name == name]
        (page / "index.html").write_text(
            f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>"
        )
    handler = functools.partial(_Quiet, directory=str(folder))
    server = ThreadingHTTPServer((host, 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}/simple/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _link(page: Path, wheel: Wheel) -> str:
    path = page / f"{wheel.name}-{wheel.version}-py3-none-any.whl"
    _write(path, wheel)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    python = wheel.python.replace(">", "&gt;").replace("<", "&lt;")
    needs = f' data-requires-python="{python}"' if python else ""
    return f'<a href="{path.name}#sha256={digest}"{needs}>{path.name}</a>\n'


def _write(path: Path, wheel: Wheel) -> None:
    info = f"{wheel.name}-{wheel.version}.dist-info"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {wheel.name}",
        f"Version: {wheel.version}",
    ]
    lines += [f"Requires-Dist: {require}" for require in wheel.requires]
    lines += [f"Requires-Python: {wheel.python}"] if wheel.python else []
    files = {
        f"{wheel.name}.py": f"VERSION = {wheel.version!r}\n{wheel.code}",
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = "".join(
        f"{name},{_digest(text)},{len(text)}\n" for name, text in files.items()
    )
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
