"""Pip's own reading of requirements files, to hold ours against.

Run as a program it answers each line of JSON, a folder, with one: what pip would have
its resolver install and from where, or why it refused. Nothing is fetched.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Pip", "pip_itself"]

STARTING = "https://index.invalid/simple"


class Pip:
    """A child in which pip reads, in folders of its own choice."""

    def __init__(self, child: "subprocess.Popen[str]", folder: Path) -> None:
        self._child, self._folder = child, folder
        self._count = 0

    def read(self, files: dict[str, str]) -> dict[str, Any]:
        """Say what pip makes of a requirements.txt and the files beside it."""
        self._count += 1
        folder = self._folder / str(self._count)
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(str(folder)) + "\n")
        self._child.stdin.flush()
        said: dict[str, Any] = json.loads(self._child.stdout.readline())
        return said


@contextmanager
def pip_itself(folder: Path) -> Iterator[Pip]:
    """Start pip, without any of this machine's settings."""
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={
            "PATH": "/usr/bin:/bin",
            "PIP_CONFIG_FILE": os.devnull,
            "LC_ALL": "C.UTF-8",
        },
    ) as child:
        yield Pip(child, folder)


def _main() -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_read(json.loads(line))) + "\n")
        sys.stdout.flush()


def _read(folder: str) -> dict[str, Any]:
    from pip._internal.cli.cmdoptions import make_target_python  # noqa: PLC0415
    from pip._internal.commands import create_command  # noqa: PLC0415
    from pip._internal.exceptions import PipError  # noqa: PLC0415
    from pip._internal.network.session import PipSession  # noqa: PLC0415
    from pip._vendor.packaging.markers import (  # noqa: PLC0415
        UndefinedComparison,
        UndefinedEnvironmentName,
    )

    broken = (UndefinedComparison, UndefinedEnvironmentName, LookupError)

    os.chdir(folder)
    command: Any = create_command("install")
    options, _ = command.parse_args(["-i", STARTING, "-r", "requirements.txt"])
    options.find_links = []
    session = PipSession()
    finder = command._build_package_finder(
        options=options, session=session, target_python=make_target_python(options)
    )
    files: list[tuple[str, bool]] = []
    try:
        wanted = list(_wanted(options, session, finder, files))
        end = _end(finder, options, wanted, session)
        unfit = _unfit(finder, wanted)
    except (PipError, UnicodeError, OSError, ValueError, *broken) as exc:
        return {"refused": f"{type(exc).__name__}: {exc}", "files": files, "end": None}
    return {
        "refused": None,
        "files": files,
        "end": end,
        "unfit": unfit,
    }


def _wanted(
    options: Any, session: Any, finder: Any, files: list[tuple[str, bool]]
) -> Iterator[Any]:
    """Take the steps of `pip install -r` up to its resolver."""
    from pip._internal.exceptions import PipError  # noqa: PLC0415
    from pip._internal.req import constructors, req_file, req_install  # noqa: PLC0415

    class Noting(req_file.RequirementsFileParser):
        def _parse_file(self, filename: str, constraint: bool) -> Any:  # noqa: FBT001
            files.append((os.path.relpath(filename), constraint))
            yield from super()._parse_file(filename, constraint)

    parser = Noting(session, req_file.get_line_parser(finder))
    wanted = []
    for line in parser.parse("requirements.txt", constraint=False):
        parsed = req_file.handle_line(
            line, options=options, finder=finder, session=session
        )
        if parsed is not None:
            wanted.append(
                constructors.install_req_from_parsed_requirement(
                    parsed,
                    user_supplied=True,
                    config_settings=(parsed.options or {}).get("config_settings"),
                )
            )
    if options.require_hashes and options.no_require_hashes:
        raise PipError("mutually exclusive")
    for item in wanted:
        item.match_markers()
        if item.constraint and (why := req_install.check_invalid_constraint_type(item)):
            raise PipError(why)
    yield from wanted


def _unfit(finder: Any, wanted: list[Any]) -> list[str]:
    """Return the wheels that pip's resolver refuses before it fetches them."""
    from pip._internal.exceptions import InvalidWheelFilename  # noqa: PLC0415
    from pip._internal.models.wheel import Wheel  # noqa: PLC0415

    tags = finder.target_python.get_unsorted_tags()
    links = [
        item.link
        for item in wanted
        if item.link and item.link.is_wheel and item.match_markers()
    ]
    unfit = []
    for link in links:
        try:
            is_fit = Wheel(link.filename).supported(tags)
        except InvalidWheelFilename:
            is_fit = False
        if not is_fit:
            unfit.append(link.filename)
    return unfit


def _end(finder: Any, options: Any, wanted: list[Any], session: Any) -> dict[str, Any]:
    """Write the state that the resolver would begin with."""
    scope = finder.search_scope
    formats, releases = finder.format_control, finder.release_control
    return {
        "no index": scope.no_index,
        "indexes": list(dict.fromkeys(scope.index_urls)),
        "links": list(dict.fromkeys(map(_from_here, scope.find_links))),
        "formats": [sorted(formats.no_binary), sorted(formats.only_binary)],
        "releases": [sorted(releases.all_releases), sorted(releases.only_final)],
        "binary": finder.prefer_binary,
        "hosts": sorted(map(str, session.pip_trusted_origins)),
        "hashes": [options.require_hashes, options.no_require_hashes],
        "wanted": sorted({json.dumps(_row(item)) for item in wanted}),
    }


def _row(it: Any) -> list[Any]:
    parts = it.req.specifier if it.req else ()
    return [
        it.constraint,
        it.editable,
        (it.name or "").lower().replace("_", "-").replace(".", "-"),
        # Two specifiers are equal when these are.
        sorted(str(part._canonical_spec) for part in parts),
        sorted(extra.lower() for extra in it.extras),
        str(it.markers or ""),
        _from_here(it.link.url) if it.link else "",
        {
            kind: sorted({*map(str.lower, them)})
            for kind, them in it.hash_options.items()
        },
        it.config_settings or {},
    ]


def _from_here(where: str) -> str:
    path = where.removeprefix("file:").removeprefix("//")
    return os.path.relpath(path) if path != where or path.startswith("/") else where


if __name__ == "__main__":
    _main()
