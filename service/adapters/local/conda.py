"""Environments of conda: solved and installed by the rattler library."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rattler import (
    Channel,
    ChannelConfig,
    Gateway,
    MatchSpec,
    RepoDataRecord,
    VirtualPackage,
    install,
    solve,
)
from rattler.exceptions import (
    GatewayError,
    InstallerError,
    InvalidChannelError,
    InvalidMatchSpecError,
    IoError,
    LinkError,
    SolverError,
)

from service.adapters.local.bench import Bench
from service.adapters.local.failures import StepFailedError, StoppedError
from service.adapters.local.safely import own_files, write_anew
from service.definitions.package_list import listed_packages
from service.definitions.specs import MalformedSpecError, read_spec
from service.definitions.vendor import VENDOR
from service.definitions.yaml import MalformedYamlError, load
from service.domain.failure import FailureClass

__all__ = ["CondaFile", "install_conda", "read_conda_file", "restore_conda"]

_FAILED: Final = 1
_USUAL_CHANNEL: Final = "conda-forge"
"""For files that name none; `defaults` is never built from."""
_TROUBLES: Final = (
    GatewayError,
    InstallerError,
    InvalidChannelError,
    IoError,
    LinkError,
    SolverError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaFile:
    """What an `environment.yml` asks for."""

    channels: tuple[str, ...]
    """In order of priority, without `nodefaults`."""
    specs: tuple[str, ...]
    pip: tuple[str, ...]
    """Of the last `pip:` part; the others count for nothing."""
    has_pip_part: bool


def restore_conda(bench: Bench) -> None:
    """Check the file before anything is fetched.

    Raises:
        StoppedError: It cannot be built as it is.
    """
    file = _read(bench)
    if "defaults" in file.channels:
        raise StoppedError(
            FailureClass.DEFAULTS_CHANNEL,
            f"{bench.job.path} names the channel `defaults`, which is not built from",
            hint="replace `defaults` with `conda-forge`",
            path=bench.job.path,
            line=_line_of(bench, "defaults"),
        )
    bench.say(f"channels: {', '.join(file.channels)}")


def install_conda(bench: Bench) -> None:
    """Solve, install, then install the `pip:` part with the environment's own pip.

    Raises:
        StoppedError: A part of the file cannot be read.
        StepFailedError: It could not be solved or installed.
    """
    file = _read(bench)
    specs = _specs(bench, file)
    try:
        asyncio.run(_solve_and_install(bench, file, specs))
    except _TROUBLES as exc:
        for line in (f"{type(exc).__name__}:", *str(exc).splitlines()):
            bench.say(line)
        raise StepFailedError(_FAILED) from exc
    if file.pip:
        _install_pip_part(bench, file)


def read_conda_file(text: str) -> CondaFile:
    """Read an `environment.yml`.

    Raises:
        ValueError: It is no conda environment.
    """
    tree = load(text.encode()).values
    channels, wanted = _list(tree, "channels"), _list(tree, "dependencies")
    sections = [it for it in wanted if isinstance(it, Mapping) and "pip" in it]
    for it in wanted:
        if isinstance(it, Mapping) and set(it) != {"pip"}:
            raise ValueError(f"{next(iter(it), 'an empty mapping')}: is no package")
    # As conda does it, of which each section takes the place of the one before.
    pip = _list(sections[-1], "pip") if sections else ()
    return CondaFile(
        channels=tuple(str(it) for it in channels if it != "nodefaults")
        or (_USUAL_CHANNEL,),
        specs=tuple(str(it) for it in wanted if not isinstance(it, Mapping)),
        pip=tuple(map(str, pip)),
        has_pip_part=bool(sections),
    )


def read_package_list(text: str, *, vendor: str = "") -> CondaFile:
    """Read a `package-list.txt`, which names no channel.

    Args:
        text: What `conda list --export` wrote.
        vendor: The directory that is the only channel; empty when there is none.

    Raises:
        ValueError: It is no list of packages by name.
    """
    lines = tuple(listed_packages(text))
    strange = [line for line in lines if line.spec is None]
    if strange:
        first = strange[0]
        raise ValueError(f"line {first.number}: `{first.text}` is no package")
    return CondaFile(
        channels=(vendor or _USUAL_CHANNEL,),
        specs=tuple(_exact(line.spec or "") for line in lines),
        pip=(),
        has_pip_part=False,
    )


def _exact(spec: str) -> str:
    """Write name, version and build so that they are taken as they stand."""
    name, *rest = spec.split()
    if rest and rest[0][0] not in "=<>!~":
        rest[0] = f"=={rest[0]}"
    return " ".join([name, *rest])


def _list(tree: Mapping[object, object], name: str) -> Sequence[object]:
    value = tree.get(name) or []
    if not isinstance(value, list):
        raise ValueError(f"`{name}` is no list")  # noqa: TRY004 - of a file
    return value


def _read(bench: Bench) -> CondaFile:
    path, text = bench.job.path, bench.watched[bench.job.path]
    vendor = bench.context / VENDOR
    is_list = bench.definition.name == "package-list.txt"
    if vendor.exists() and not is_list:
        raise StoppedError(
            FailureClass.BAD_DEFINITION,
            f"{VENDOR}/ is here, so the packages are installed from it as a"
            " package-list.txt names them, and there is none",
            hint=f"rename {VENDOR}/, or add the output of `conda list --export`",
            path=path,
        )
    try:
        if is_list:
            found = str(vendor) if vendor.exists() else ""
            return read_package_list(text, vendor=found)
        return read_conda_file(text)
    except ValueError as exc:
        mark = exc.mark if isinstance(exc, MalformedYamlError) else None
        raise StoppedError(
            FailureClass.BAD_DEFINITION,
            f"{path} cannot be read: {exc}",
            path=path,
            line=mark[0] if mark else None,
        ) from exc


def _specs(bench: Bench, file: CondaFile) -> list[MatchSpec]:
    texts = list(file.specs)
    specs = [_spec(bench, text) for text in texts]
    names = {spec.name.normalized for spec in specs}
    if file.has_pip_part and "pip" not in names:
        bench.say("adding pip, which the `pip:` part needs")
        specs.append(MatchSpec("pip"))
    return specs


def _spec(bench: Bench, text: str) -> MatchSpec:
    try:
        return MatchSpec(read_spec(text).text)
    except (MalformedSpecError, InvalidMatchSpecError) as exc:
        raise StoppedError(
            FailureClass.BAD_DEFINITION,
            f"{bench.job.path}: `{text}` is no conda package: {exc}",
            path=bench.job.path,
            line=_line_of(bench, text),
        ) from exc


async def _solve_and_install(
    bench: Bench, file: CondaFile, specs: list[MatchSpec]
) -> None:
    cache = bench.folders.cache / "conda"
    records = await solve(
        [_channel(bench, it) for it in file.channels],
        specs,
        gateway=Gateway(cache_dir=cache / "repodata"),
        virtual_packages=VirtualPackage.detect(),
    )
    for it in sorted(records, key=lambda it: it.name.normalized):
        bench.say(f"  {it.name.normalized} {it.version} {it.build}")
    await _install(bench, records)


async def _install(bench: Bench, records: list[RepoDataRecord]) -> None:
    bench.env.mkdir(parents=True)
    cache = bench.folders.cache / "conda" / "packages"
    await install(records, bench.env, cache_dir=cache, show_progress=False)
    own_files(bench.env)
    bench.say(f"installed {len(records)} packages")


def _channel(bench: Bench, name: str) -> Channel:
    alias = bench.job.conda_alias
    root = str(bench.definition.parent)
    if alias:
        return Channel(name, ChannelConfig(channel_alias=alias, root_dir=root))
    return Channel(name, ChannelConfig(root_dir=root))


def _install_pip_part(bench: Bench, file: CondaFile) -> None:
    """Install from a file beside the definition: paths in it are relative to that."""
    beside = bench.definition.with_name(f".{bench.definition.name}.pip.txt")
    write_anew(beside, "\n".join(file.pip) + "\n")
    variables = {
        "CONDA_PREFIX": str(bench.env),
        "PATH": f"{bench.env / 'bin'}:{bench.variables['PATH']}",
    }
    argv = [str(bench.python), "-m", "pip", "install", "-r", beside.name]
    try:
        bench.run(argv, cwd=bench.definition.parent, variables=variables)
    finally:
        beside.unlink(missing_ok=True)


def _line_of(bench: Bench, text: str) -> int | None:
    lines = bench.watched[bench.job.path].splitlines()
    return next((n for n, line in enumerate(lines, 1) if text in line), None)
