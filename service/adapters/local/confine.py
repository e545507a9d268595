"""What a command of a build may see and change, and how it is started so."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uv

from service.adapters.local import sandbox
from service.adapters.local.folders import Folders
from service.adapters.local.isolation import SYSTEM
from service.adapters.local.job import Job

__all__ = ["Area", "confined", "foreign_area", "own_area"]

_CONFIGURATION: Final = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "default/locale",
    "debian_version",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "pip.conf",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "timezone",
    "uv",
    "xdg/pip",
    "xdg/uv",
)
"""What builds may read in /etc; not, for one, the service's own settings."""

_PYTHON: Final = re.compile(r"python3\.\d+")
_PATH: Final = re.compile(r"(?:file://)?(/[^\s:,;]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The folders of one kind of command.

    What a command of ours finds must not depend on what code of a repository left
    anywhere: the two share neither home nor cache.
    """

    home: Path
    temporary: Path
    write: tuple[Path, ...]
    shared: Mapping[Path, Path]
    """Caches that it may only read: what is there, and where it finds it."""
    variables: Mapping[str, str]


def own_area(job: Job) -> Area:
    """Return the folders of commands that run no code of a repository."""
    folders = Folders(root=job.root)
    own = folders.build(job.build_id) / "own"
    return Area(
        home=own / "home",
        temporary=own / "tmp",
        write=(
            folders.environment(job.build_id),
            folders.tools,
            folders.cache,
            own,
        ),
        shared={},
        variables={
            "PIP_CACHE_DIR": str(folders.cache / "pip"),
            "UV_CACHE_DIR": str(folders.cache / "uv"),
        },
    )


def foreign_area(job: Job) -> Area:
    """Return the folders of commands that run code of a repository."""
    folders = Folders(root=job.root)
    scratch = folders.build(job.build_id)
    place, cache = folders.environment(job.build_id), scratch / "cache"
    return Area(
        home=scratch / "home",
        temporary=scratch / "tmp",
        # Not the place itself: it holds what we write about them.
        write=(place / "env", place / "source", cache),
        shared={folders.cache / name: cache / name for name in ("locked", "pip", "uv")},
        variables={
            "PIP_CACHE_DIR": str(cache / "pip"),
            "POETRY_CACHE_DIR": str(cache / "poetry"),
            "UV_CACHE_DIR": str(cache / "uv"),
        },
    )


def confined(job: Job, area: Area, variables: Mapping[str, str]) -> list[str]:
    """Return what to put before a command, to run it in an area.

    The folders of the area are made where they are missing.
    """
    places = [area.home, area.temporary, *area.write, *area.shared.values()]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    spec = sandbox.Spec(
        parent=os.getpid(),
        namespaces=job.isolation.namespaces,
        as_user=job.isolation.as_user,
        root=str(_made(Folders(root=job.root).build(job.build_id) / "root")),
        temporary=str(area.temporary),
        read=_readable(job, variables),
        hidden=[str(path) for path in job.hidden],
        lent=[str(Folders(root=job.root).tools)],
        write=sorted(str(it) for it in {area.home, area.temporary, *area.write}),
        overlays=list(_overlays(job, area)),
        shared_memory=job.memory // 2,
        file_size=job.disk,
        processes=job.processes,
        nice=job.nice,
    )
    return [sys.executable, "-I", "-S", sandbox.__file__, json.dumps(spec)]


def _readable(job: Job, variables: Mapping[str, str]) -> list[str]:
    """List what a command may read, parents before what is in them."""
    configuration = (f"/etc/{name}" for name in _CONFIGURATION)
    paths = {
        *SYSTEM,
        *configuration,
        sys.base_prefix,
        uv.find_uv_bin(),
        *_programs(variables.get("PATH", "")),
        *_named(job.environment),
        *(str(path) for path in job.visible),
    }
    return sorted(path for path in paths - {"/"} if path.startswith("/"))


def _programs(search: str) -> Iterator[str]:
    """Yield folders of programs, and where the Pythons in them really are."""
    for folder in filter(None, search.split(":")):
        yield folder
        if folder.startswith(tuple(f"{it}/" for it in SYSTEM)):
            continue
        for path in Path(folder).glob("python3.*"):
            if _PYTHON.fullmatch(path.name):
                yield str(path.resolve().parent.parent)


def _named(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that the operator names in what is passed to builds."""
    for name, value in environment.items():
        if name != "PATH":
            yield from (path for path in _PATH.findall(value) if Path(path).exists())


def _overlays(job: Job, area: Area) -> Iterator[tuple[str, str, str, str]]:
    if not job.isolation.overlays:
        return
    scratch = Folders(root=job.root).build(job.build_id)
    for lower, target in area.shared.items():
        upper = _made(scratch / "changes" / target.name)
        work = _made(scratch / "work" / target.name)
        yield str(_made(lower)), str(upper), str(work), str(target)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
