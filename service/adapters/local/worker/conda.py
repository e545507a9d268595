"""Build conda environments: solve and install with the rattler library."""

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

from service.adapters.local.errors import StepFailedError, StoppedError
from service.adapters.local.worker.context import BuildContext
from service.adapters.local.worker.pip_runs import run_pip
from service.adapters.local.worker.safe_files import own_files, write_anew
from service.definitions.conda.match_specs import MalformedSpecError, read_spec
from service.definitions.conda.package_list import listed_packages
from service.definitions.formats.yaml import MalformedYamlError, load
from service.definitions.vendor import VENDOR
from service.domain.building.failure import FailureClass

__all__ = ["CondaFile", "install_conda", "prepare_conda", "read_conda_file"]

_FAILED: Final = 1
_USUAL_CHANNEL: Final = "conda-forge"
"""For files without channels; `defaults` is never used."""
_ERRORS: Final = (
    GatewayError,
    InstallerError,
    InvalidChannelError,
    IoError,
    LinkError,
    SolverError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaFile:
    """The content of an `environment.yml`."""

    channels: tuple[str, ...]
    """In order of priority, without `nodefaults`."""
    specs: tuple[str, ...]
    pip: tuple[str, ...]
    """Of the last `pip:` section; conda ignores the others."""
    has_pip_part: bool


def prepare_conda(context: BuildContext) -> None:
    """Check the file before anything is downloaded.

    Raises:
        StoppedError: It cannot be built as it is.
    """
    file = _read(context)
    if "defaults" in file.channels:
        raise StoppedError(
            FailureClass.DEFAULTS_CHANNEL,
            f"{context.job.path} names the channel `defaults`, which is not built from",
            hint="replace `defaults` with `conda-forge`",
            path=context.job.path,
            line=_find_line(context, "defaults"),
        )
    context.log(f"channels: {', '.join(file.channels)}")


def install_conda(context: BuildContext) -> None:
    """Solve, install, then install the `pip:` part with the environment's own pip.

    Raises:
        StoppedError: A part of the file cannot be read.
        StepFailedError: It could not be solved or installed.
    """
    file = _read(context)
    specs = _parse_specs(context, file)
    try:
        asyncio.run(_solve_and_install(context, file, specs))
    except _ERRORS as exc:
        for line in (f"{type(exc).__name__}:", *str(exc).splitlines()):
            context.log(line)
        raise StepFailedError(_FAILED) from exc
    if file.pip:
        _install_pip_part(context, file)


def read_conda_file(text: str) -> CondaFile:
    """Read an `environment.yml`.

    Raises:
        ValueError: It is no conda environment.
    """
    tree = load(text.encode()).values
    channels, wanted = _get_list(tree, "channels"), _get_list(tree, "dependencies")
    sections = [item for item in wanted if isinstance(item, Mapping) and "pip" in item]
    # As conda reads it: each `pip:` section replaces the one before, and other
    # mappings are ignored.
    pip = _get_list(sections[-1], "pip") if sections else ()
    return CondaFile(
        channels=tuple(str(channel) for channel in channels if channel != "nodefaults")
        or (_USUAL_CHANNEL,),
        specs=tuple(str(item) for item in wanted if not isinstance(item, Mapping)),
        pip=tuple(map(str, pip)),
        has_pip_part=bool(sections),
    )


def read_package_list(text: str, *, vendor: str = "") -> CondaFile:
    """Read a `package-list.txt`, which names no channel.

    Args:
        text: The output of `conda list --export`.
        vendor: The directory that is the only channel; empty for none.

    Raises:
        ValueError: A line is no package spec.
    """
    lines = tuple(listed_packages(text))
    strange = [line for line in lines if line.spec is None]
    if strange:
        first = strange[0]
        raise ValueError(f"line {first.number}: `{first.text}` is no package")
    return CondaFile(
        channels=(vendor or _USUAL_CHANNEL,),
        specs=tuple(_pin_spec(line.spec or "") for line in lines),
        pip=(),
        has_pip_part=False,
    )


def _pin_spec(spec: str) -> str:
    """Rewrite name, version and build so that the version is matched exactly."""
    name, *rest = spec.split()
    if rest and rest[0][0] not in "=<>!~":
        rest[0] = f"=={rest[0]}"
    return " ".join([name, *rest])


def _get_list(tree: Mapping[object, object], name: str) -> Sequence[object]:
    value = tree.get(name) or []
    if not isinstance(value, list):
        raise ValueError(f"`{name}` is no list")  # noqa: TRY004 - of a file
    return value


def _read(context: BuildContext) -> CondaFile:
    path, text = context.job.path, context.definition_files[context.job.path]
    vendor = context.context / VENDOR
    is_list = context.definition.name == "package-list.txt"
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


def _parse_specs(context: BuildContext, file: CondaFile) -> list[MatchSpec]:
    texts = list(file.specs)
    specs = [_parse_spec(context, text) for text in texts]
    names = {spec.name.normalized for spec in specs}
    if file.has_pip_part and "pip" not in names:
        context.log("adding pip, which the `pip:` part needs")
        specs.append(MatchSpec("pip"))
    return specs


def _parse_spec(context: BuildContext, text: str) -> MatchSpec:
    try:
        return MatchSpec(read_spec(text).text)
    except (MalformedSpecError, InvalidMatchSpecError) as exc:
        raise StoppedError(
            FailureClass.BAD_DEFINITION,
            f"{context.job.path}: `{text}` is no conda package: {exc}",
            path=context.job.path,
            line=_find_line(context, text),
        ) from exc


async def _solve_and_install(
    context: BuildContext, file: CondaFile, specs: list[MatchSpec]
) -> None:
    cache = context.folders.cache / "conda"
    records = await solve(
        [_make_channel(context, channel) for channel in file.channels],
        specs,
        gateway=Gateway(cache_dir=cache / "repodata"),
        virtual_packages=VirtualPackage.detect(),
    )
    for record in sorted(records, key=lambda record: record.name.normalized):
        context.log(f"  {record.name.normalized} {record.version} {record.build}")
    await _install(context, records)


async def _install(context: BuildContext, records: list[RepoDataRecord]) -> None:
    context.env.mkdir(parents=True)
    cache = context.folders.cache / "conda" / "packages"
    await install(records, context.env, cache_dir=cache, show_progress=False)
    # The installer links files from the shared package cache; a build that wrote to one
    # of them would change it in every environment.
    own_files(context.env)
    context.log(f"installed {len(records)} packages")


def _make_channel(context: BuildContext, name: str) -> Channel:
    alias = context.job.conda_alias
    root = str(context.definition.parent)
    if alias:
        return Channel(name, ChannelConfig(channel_alias=alias, root_dir=root))
    return Channel(name, ChannelConfig(root_dir=root))


def _install_pip_part(context: BuildContext, file: CondaFile) -> None:
    """Install the `pip:` section with the environment's own pip."""
    # From a file in the definition's folder, because paths in it are relative to that.
    beside = context.definition.with_name(f".{context.definition.name}.pip.txt")
    write_anew(beside, "\n".join(file.pip) + "\n")
    variables = {
        "CONDA_PREFIX": str(context.env),
        "PATH": f"{context.env / 'bin'}:{context.variables['PATH']}",
    }
    try:
        run_pip(context, "-r", beside.name, variables=variables)
    finally:
        beside.unlink(missing_ok=True)


def _find_line(context: BuildContext, text: str) -> int | None:
    lines = context.definition_files[context.job.path].splitlines()
    return next((n for n, line in enumerate(lines, 1) if text in line), None)
