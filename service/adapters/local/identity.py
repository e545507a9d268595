"""What the local builder builds with: the tools of this machine."""

from collections.abc import Sequence
from importlib.metadata import version

from service.adapters.local.interpreters import nearest
from service.adapters.local.options import LocalOptions
from service.adapters.local.worker.environment import search_path
from service.domain.definition import Kind
from service.domain.findings import Finding, Severity

__all__ = ["LocalIdentity"]


class LocalIdentity:
    """Names the tools of this machine, with their versions.

    Args:
        options: The versions that are wanted.
        path: Where Python is searched for.
    """

    def __init__(self, *, options: LocalOptions, path: str) -> None:
        self._options = options
        self._path = path
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
