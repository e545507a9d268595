"""Render templates, with everything escaped that is not markup of ours."""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from handlers.page.words import FILTERS

__all__ = ["HEADERS", "RENDERER", "Asset", "Renderer"]

STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
HEADERS: Final[Mapping[str, str]] = {
    # Nothing inline and nothing from elsewhere: whatever a stranger's text might bring
    # past the escaping is not run.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with it browsers send forms with the origin `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Asset:
    """One file that every page may ask for.

    Args:
        path: Where it is.
        name: Below `/static/`.
    """

    def __init__(self, path: Path, *, name: str) -> None:
        self.name = name
        self.content_type = _TYPES[path.suffix]
        self.content = path.read_bytes()

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
        self.assets = {
            asset.name: asset
            for asset in (
                Asset(path, name=path.relative_to(STATIC).as_posix())
                for path in sorted(STATIC.rglob("*"))
                if path.suffix in _TYPES
            )
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
        self._environment.globals.update(asset=self._url_of, version=version)

    def _url_of(self, name: str) -> str:
        return f"/static/{name}?{self.assets[name].version}"

    def text(self, template: str, /, **context: Any) -> str:  # noqa: ANN401 - whatever a template shows
        """Render a template."""
        return self._environment.get_template(template).render(**context)

    def error(self, *, status: int, phrase: str, message: str) -> str:
        """Render the page of an error; it knows nothing of who asked."""
        return self.text("error.html", status=status, phrase=phrase, message=message)

    def page(
        self,
        template: str,
        /,
        *,
        status: int = 200,
        **context: Any,  # noqa: ANN401 - as above
    ) -> web.Response:
        """Render a page, to be kept by no cache."""
        return web.Response(
            text=self.text(template, **context),
            status=status,
            content_type="text/html",
            charset="utf-8",
            headers=HEADERS,
        )


RENDERER: Final = web.AppKey[Renderer]("page_renderer")
