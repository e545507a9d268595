"""The tools that the configured builder installs with."""

from dataclasses import replace
from importlib.metadata import version

from packaging.version import Version

from service.adapters.local.interpreters import named
from service.domain.building.tools import DEFAULT_TOOLS, Tools
from service.settings import Settings, passed_to_builds

__all__ = ["tools_of"]


def tools_of(settings: Settings) -> Tools:
    """Return their versions; what this machine has is known where it builds itself."""
    tools = Tools(
        poetry=settings.build.poetry_version, pip_python=settings.build.pip_python
    )
    # In a cluster, and in an upstream Renku, the tools are in the builder image; what
    # this machine has is irrelevant, and would differ between receivers and consumers.
    if settings.builder != "local" or settings.launchers is not None:
        return tools
    path = passed_to_builds(settings).get("PATH", "")
    return replace(tools, uv=version("uv"), pythons=_pythons(path))


def _pythons(path: str) -> tuple[str, ...]:
    """Add what this machine has to what the platform documents.

    What it lacks of that is no error of a definition, and reported when it builds.
    """
    return tuple(sorted({*DEFAULT_TOOLS.pythons, *named(path)}, key=Version))
