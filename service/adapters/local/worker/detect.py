"""Check the definition before anything is installed."""

import re
import tomllib
from collections.abc import Container, Mapping
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias, cast

from service.adapters.local.errors import StoppedError
from service.adapters.local.worker.context import BuildContext
from service.domain.building.failure import FailureClass
from service.domain.definition import Kind

__all__ = ["Table", "detect", "table_of", "toml_of"]

Table: TypeAlias = Mapping[str, object]
"""A TOML table."""

_INCLUDE: Final = re.compile(
    r"^\s*(?:-r|--requirement|-c|--constraint)[\s=]*([^\s#]+)", re.MULTILINE
)
_MAX_FILES: Final = 50
_MAX_SIZE: Final = 1024 * 1024


def detect(context: BuildContext, supported: Container[Kind]) -> None:
    """Check that the definition exists and that its kind is supported.

    Raises:
        StoppedError: It does not exist, or is not supported.
    """
    path = context.job.path
    # Checked again although the closure was: links are resolved by this machine's file
    # system here.
    if not context.definition.resolve().is_relative_to(context.source.resolve()):
        raise StoppedError(
            FailureClass.BAD_DEFINITION,
            f"{path} is a link that leads out of the repository",
            path=path,
        )
    if not context.definition.is_file():
        raise StoppedError(
            FailureClass.NO_DEFINITION,
            f"there is no file {path} in this commit",
            path=path,
        )
    context.log(f"{context.job.kind.value} environment of {path}")
    if context.job.kind not in supported:
        raise StoppedError(
            FailureClass.UNSUPPORTED,
            f"{path} is for {context.job.kind.value.title()}, which the local builder "
            "cannot build",
            hint=context.job.instead,
            path=path,
        )
    _remember_files(context, context.definition)
    if context.definition.suffix == ".toml":
        toml_of(context)


def toml_of(context: BuildContext) -> Table:
    """Parse the definition as TOML.

    Raises:
        StoppedError: It is not valid TOML.
    """
    try:
        return tomllib.loads(context.definition.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        where = re.search(r"line (\d+)", str(exc))
        raise StoppedError(
            FailureClass.BAD_DEFINITION,
            f"{context.job.path} is not valid TOML: {exc}",
            path=context.job.path,
            line=int(where[1]) if where else None,
        ) from exc


def table_of(value: object, *names: str) -> Table:
    """Return a nested table; an empty one where it is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return cast("Table", value) if isinstance(value, Mapping) else {}


def _remember_files(context: BuildContext, file: Path) -> None:
    """Remember a file and the files it includes, to name lines in messages."""
    waiting, root = [file], context.source.resolve()
    while waiting and len(context.definition_files) < _MAX_FILES:
        path = _find_below(root, waiting.pop())
        if path is None:
            continue
        name = str(PurePosixPath(path.relative_to(root)))
        if name in context.definition_files or path.stat().st_size > _MAX_SIZE:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        context.definition_files[name] = text
        waiting += [path.parent / match for match in _INCLUDE.findall(text)]


def _find_below(root: Path, path: Path) -> Path | None:
    """Return the file that an include leads to, if there is one in the repository."""
    try:
        path = path.resolve()
        return path if path.is_relative_to(root) and path.is_file() else None
    # Of a name that no file system takes, and of links that lead in a circle: what is
    # wrong with it, the installer says.
    except (OSError, ValueError, RuntimeError):
        return None
