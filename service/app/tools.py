"""The tools that the configured builder installs with."""

from importlib.metadata import version

from service.domain.tools import Tools
from service.settings import Settings

__all__ = ["tools_of"]


def tools_of(settings: Settings) -> Tools:
    """Return their versions; uv's is known where this machine builds with its own."""
    uv = version("uv") if settings.builder == "local" else ""
    return Tools(poetry=settings.build.poetry_version, uv=uv)
