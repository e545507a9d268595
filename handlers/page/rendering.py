"""Render templates, with everything escaped that is not markup of ours."""

import asyncio
import gzip
import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from handlers.page.words import FILTERS

__all__ = ["RENDERER", "Asset", "Renderer", "StyleSheet"]

STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src {style}; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No script inline, no style but ours, nothing from elsewhere: whatever a stranger's
text might bring past the escaping is not run."""
_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with it browsers send forms with the origin `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SCRIPTS: Final = "scripts.js"
_PARTS: Final = (
    "vendor/htmx-2.0.11.min.js",
    "vendor/htmx-ext-sse-2.2.4.min.js",
    "page.js",
)
"""What every page runs, in this order, as one file: a browser paints when the scripts
of a page have run, and three of them were three ways to the service."""
_UNSEEN: Final = re.compile(r"/\*.{0,2000}?\*/|\s+", re.DOTALL)
"""Comments and runs of blanks in a style sheet."""


class StyleSheet:
    """The style sheet, as it stands in every page.

    A browser paints nothing before it has its style. As a file of its own, that was a
    second way to the service and back before the first paint: a fifth of the time until
    then on a machine with other work to do (`make bench-page`).

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.text = _UNSEEN.sub(" ", path.read_text()).strip()

    @cached_property
    def source(self) -> str:
        """Its digest, by which a policy lets it in, and no other style.

        https://www.w3.org/TR/CSP3/#grammardef-hash-source
        """
        digest = hashlib.sha256(self.text.encode()).digest()
        return f"'sha256-{b64encode(digest).decode()}'"


class Asset:
    """One file that every page may ask for.

    Args:
        name: Below `/static/`.
        content: What is in it.
    """

    def __init__(self, *, name: str, content: bytes) -> None:
        self.name = name
        self.content_type = _TYPES[Path(name).suffix]
        self.content = content

    @cached_property
    def compressed(self) -> bytes:
        """The content as it is sent to browsers: three quarters of it are repeated."""
        return gzip.compress(self.content, mtime=0)

    @cached_property
    def version(self) -> str:
        """A digest of the content, for the URL: it is cached for ever by that."""
        return hashlib.sha256(self.content).hexdigest()[:12]


class Renderer:
    """Renders pages and the parts of pages that are sent when they change.

    Args:
        version: Of the service, at the foot of each page.
    """

    def __init__(self, *, version: str) -> None:
        files = {
            path.relative_to(STATIC).as_posix(): path.read_bytes()
            for path in STATIC.rglob("*")
            if path.suffix in _TYPES
        }
        # A line between them: the last one of a script may be a comment.
        files[SCRIPTS] = b"\n;".join(files.pop(name) for name in _PARTS)
        self.assets = {
            name: Asset(name=name, content=content) for name, content in files.items()
        }
        self._environment = Environment(
            loader=PackageLoader("handlers.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(FILTERS)
        style = StyleSheet(STATIC / "page.css")
        self._environment.globals.update(
            asset=self._url_of,
            style=Markup(style.text),  # noqa: S704 - a file of ours
            version=version,
        )
        self.headers: Mapping[str, str] = {
            **_HEADERS,
            "Content-Security-Policy": _POLICY.format(style=style.source),
        }
        """Of every page, and of whatever else is for one person."""

    def _url_of(self, name: str) -> str:
        return f"/static/{name}?{self.assets[name].version}"

    async def compile_templates(self) -> None:
        """Compile every template before a page needs it.

        One costs 5 to 50 ms of processor time, for which everything else in the
        process would stand still, deliveries too: in a thread they take turns.
        """
        for name in self._environment.list_templates():
            await asyncio.to_thread(self._environment.get_template, name)

    def text(self, template: str, /, **context: Any) -> str:  # noqa: ANN401 - whatever a template shows
        """Render a template."""
        return self._environment.get_template(template).render(**context)

    def error(self, *, status: int, phrase: str, message: str) -> web.Response:
        """Render the page of an error; it knows nothing of who asked."""
        return self._answer(
            self.text("error.html", status=status, phrase=phrase, message=message),
            status=status,
        )

    def page(
        self,
        template: str,
        /,
        *,
        status: int = 200,
        **context: Any,  # noqa: ANN401 - as above
    ) -> web.Response:
        """Render a page, to be kept by no cache."""
        return self._answer(self.text(template, **context), status=status)

    def _answer(self, text: str, *, status: int) -> web.Response:
        return web.Response(
            text=text,
            status=status,
            content_type="text/html",
            charset="utf-8",
            headers=self.headers,
        )


RENDERER: Final = web.AppKey[Renderer]("page_renderer")
