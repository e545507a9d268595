"""See what is to be built, before anything is installed."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias, cast

from service.adapters.local.bench import Bench
from service.adapters.local.failures import StoppedError
from service.domain.definition import Kind
from service.domain.failure import FailureClass

__all__ = ["Table", "detect", "table_of", "toml_of"]

Table: TypeAlias = Mapping[str, object]
"""A TOML table."""

_INCLUDE: Final = re.compile(
    r"^\s*(?:-r|--requirement|-c|--constraint)[\s=]*([^\s#]+)", re.MULTILINE
)
_MAX_FILES: Final = 50
_MAX_SIZE: Final = 1024 * 1024


def detect(bench: Bench) -> None:
    """Check that the definition is there and is one that this builder can build.

    Raises:
        StoppedError: It is not.
    """
    path = bench.job.path
    if not bench.definition.resolve().is_relative_to(bench.source.resolve()):
        raise StoppedError(
            FailureClass.BAD_DEFINITION,
            f"{path} is a link that leads out of the repository",
            path=path,
        )
    if not bench.definition.is_file():
        raise StoppedError(
            FailureClass.NO_DEFINITION,
            f"there is no file {path} in this commit",
            path=path,
        )
    bench.say(f"{bench.job.kind.value} environment of {path}")
    if bench.job.kind is Kind.PIPENV:
        raise StoppedError(
            FailureClass.UNSUPPORTED,
            f"{path} is for Pipenv, which the local builder cannot build",
            hint="export it with `pipenv requirements > requirements.txt` and remove "
            "the Pipfile, or use another builder",
            path=path,
        )
    _watch(bench, bench.definition)
    if bench.definition.suffix == ".toml":
        toml_of(bench)


def toml_of(bench: Bench) -> Table:
    """Read the definition as TOML.

    Raises:
        StoppedError: It is none.
    """
    try:
        return tomllib.loads(bench.definition.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        where = re.search(r"line (\d+)", str(exc))
        raise StoppedError(
            FailureClass.BAD_DEFINITION,
            f"{bench.job.path} is not valid TOML: {exc}",
            path=bench.job.path,
            line=int(where[1]) if where else None,
        ) from exc


def table_of(value: object, *names: str) -> Table:
    """Go down into nested tables; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return cast("Table", value) if isinstance(value, Mapping) else {}


def _watch(bench: Bench, file: Path) -> None:
    """Remember a file and what it includes, to name lines in messages."""
    waiting, root = [file], bench.source.resolve()
    while waiting and len(bench.watched) < _MAX_FILES:
        path = waiting.pop().resolve()
        if not path.is_relative_to(root) or not path.is_file():
            continue
        name = str(PurePosixPath(path.relative_to(root)))
        if name in bench.watched or path.stat().st_size > _MAX_SIZE:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        bench.watched[name] = text
        waiting += [path.parent / it for it in _INCLUDE.findall(text)]
