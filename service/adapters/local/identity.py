"""What the local builder builds with: the tools of this machine.

Also for processes that never build, so it imports no part of a build.
"""

from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Final

from service.adapters.local.interpreters import is_native, nearest
from service.adapters.local.options import DEFAULT_PATH, LocalOptions
from service.adapters.local.worker.environment import search_path
from service.domain.building.build import EnvironmentId
from service.domain.definition import Kind
from service.domain.findings import Finding, Severity

__all__ = ["LocalIdentity"]

_PROVIDED: Final = frozenset({"jupyterlab", "none"})
"""The frontends that this builder provides; others are refused before the build."""


class LocalIdentity:
    """Implement the port `BuilderIdentity` by the versions of this machine's tools.

    Args:
        options: The versions that are wanted, and where Python is searched for.
    """

    def __init__(self, options: LocalOptions) -> None:
        self._options = options
        self._path = options.passed_environment.get("PATH", DEFAULT_PATH)
        self._pip_python = ""

    def find_python(self) -> str:
        """Return the version that replaces the wanted one; found once."""
        if not self._pip_python:
            wanted = self._options.pip_python
            found = nearest(wanted, search_path(self._path))
            self._pip_python = str(found.version) if found else wanted
        return self._pip_python

    def identity(self, *, frontend: str) -> str:
        """Return what images of a frontend depend on besides their definition."""
        # A process that only evaluates never enters the builder, and must compute
        # the same identity.
        options = self._options
        parts = [
            "local/1",
            f"pip-python={self.find_python()}",
            f"poetry={options.poetry_version}",
            f"uv={version('uv')}",
            f"rattler={version('py-rattler')}",
        ]
        if frontend == "jupyterlab":
            parts.append(f"jupyterlab={options.jupyterlab_version}")
        return " ".join(parts)

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        """Return what this machine does otherwise for a kind."""
        wanted, python = self._options.pip_python, self.find_python()
        if kind is not Kind.PIP or python.startswith(f"{wanted}."):
            return ()
        message = (
            f"This machine has no Python {wanted}, so Python {python} takes "
            "its place here."
        )
        return (
            Finding(severity=Severity.NOTE, code="python_replaced", message=message),
        )

    def scope(self, project: str, environment: EnvironmentId) -> str:
        del project, environment
        return ""

    def pull_secret(self, reference: str) -> str:
        del reference
        return ""

    def provides(self, frontend: str) -> bool:
        return frontend in _PROVIDED

    def builds_for(self, platform: str) -> bool:
        return is_native(platform)

    def bases(self) -> Collection[str]:
        return ()  # this machine's tools are named with their versions

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        del digests
