"""The launcher of an image: what becomes the process of a session.

A program by itself: it is laid at `/cnb/lifecycle/launcher` with its interpreter before
it, and each process type is a link to it. It does what buildpacks/lifecycle 0.20.x does
at run time, names the file that decides, and refuses what that refuses.
https://github.com/buildpacks/spec/blob/main/platform.md#launcher
"""

# It is isolated from the image's Python, and has nothing but the standard library.
import os
import re
import shutil
import signal
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

PROCESSES: Final = "/cnb/process"
LIFECYCLE: Final = "/cnb/lifecycle"
PLATFORM_APIS: Final = tuple(f"0.{minor}" for minor in range(7, 15))
BUILDPACK_APIS: Final = tuple(f"0.{minor}" for minor in range(7, 12))
"""api/apis.go."""
TAKEN_AWAY: Final = frozenset(
    {
        "CNB_APP_DIR",
        "CNB_DEPRECATION_MODE",
        "CNB_LAYERS_DIR",
        "CNB_PLATFORM_API",
        "CNB_PROCESS_TYPE",
    }
)
"""env/launch.go: what a started process never sees."""
ROOTS: Final[Mapping[str, str]] = {"bin": "PATH", "lib": "LD_LIBRARY_PATH"}
"""env/launch.go: folders of a layer, and the variable that each is put before."""
_RED_ERROR: Final = "\x1b[31;1mERROR: \x1b[0m"
"""log/default_logger.go: errors are red; cmd/logs.go: on standard output."""
FAILED: Final = 1
NO_PLATFORM_API: Final = 11
NO_BUILDPACK_API: Final = 12
NOT_LAUNCHED: Final = 82
"""cmd/exit.go and platform/launch/exit.go."""


class LaunchError(Exception):
    """Nothing is started, and the exit code that says so."""

    def __init__(self, message: str, code: int = NOT_LAUNCHED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(kw_only=True)
class Process:
    """What is started; launch/launch.go."""

    command: list[str]
    args: list[str] = field(default_factory=list)
    type: str = ""
    is_direct: bool = True
    buildpack: str = ""
    folder: str = ""


@dataclass(kw_only=True)
class Launcher:
    """Starts one process in the environment that buildpacks made for it."""

    self: str
    """How it was called: its last part is the process type, when there is such one."""
    platform_api: str
    layers: Path
    app: str
    processes: Sequence[Mapping[str, Any]]
    buildpacks: Sequence[Mapping[str, str]]
    environment: dict[str, str]

    def launch(self, arguments: Sequence[str]) -> NoReturn:
        """Become the process; launch/launcher.go, in this order."""
        process = self.chosen(list(arguments))
        try:
            os.chdir(self.app)
        except OSError as exc:
            raise LaunchError(f"change to app directory: {exc}") from exc
        for layer in self.each_layer():
            self.add_layer(layer, process.type)
        for layer in self.each_layer():
            self.run_scripts(layer, process.type)
        if process.is_direct:
            self.exec_directly(process)
        self.exec_in_bash(process)

    def chosen(self, arguments: list[str]) -> Process:
        """Choose the process by the name it was called by; launch/process.go."""
        name = Path(self.self).name
        found = next((each for each in self.processes if each["type"] == name), None)
        if found is None:
            return _given(arguments)
        process = _read(found)
        if len(process.command) > 1:
            always = process.command[1:]
            process.command = process.command[:1]
            process.args = always + (arguments or process.args)
        elif arguments:
            is_older = _minor(self._api_of(process.buildpack)) < 9
            process.args = process.args + arguments if is_older else arguments
        return process

    def each_layer(self) -> Iterator[Path]:
        """Go through the layers of each buildpack by their names."""
        for buildpack in self.buildpacks:
            folder = self.layers / buildpack["id"].replace("/", "_")
            if folder.is_dir():
                yield from (path for path in sorted(folder.iterdir()) if path.is_dir())

    def add_layer(self, layer: Path, process_type: str) -> None:
        """Apply a layer's folders and its files of variables; env/env.go."""
        for name, variable in ROOTS.items():
            if (layer / name).exists():
                self._put_before(variable, str(layer / name), ":")
        folders = [layer / "env", layer / "env.launch"]
        if process_type:
            folders.append(layer / "env.launch" / process_type)
        for folder in folders:
            for path in _files(folder):
                self._apply(path)

    def run_scripts(self, layer: Path, process_type: str) -> None:
        """Run a layer's exec.d, take the variables it gives; launch/exec_d.go."""
        folders = [layer / "exec.d"]
        if process_type:
            folders.append(layer / "exec.d" / process_type)
        for folder in folders:
            for path in _files(folder):
                self.environment |= self._told_by(path)

    def exec_directly(self, process: Process) -> NoReturn:
        """Start without a shell, by the changed PATH; launch/launcher.go."""
        path = self.environment.get("PATH", "")
        if not process.command:
            raise LaunchError(f"no command provided for process type {process.type!r}")
        program = shutil.which(process.command[0], path=path)
        if program is None:
            raise LaunchError(
                f'path lookup: exec: "{process.command[0]}": '
                "executable file not found in $PATH"
            )
        try:
            os.chdir(process.folder or self.app)
        except OSError as exc:
            raise LaunchError(f"change directory: {exc}") from exc
        _become(program, [*process.command, *process.args], self.environment)

    def exec_in_bash(self, process: Process) -> NoReturn:
        """Source the profiles and start by a shell; launch/shell.go, launch/bash.go."""
        lines = [f'source "{path}"' for path in self._profiles(process.type)]
        lines.append(f'cd "{process.folder or self.app}"')
        if process.args:
            words = [
                f'"$(eval echo \\"${{{n}}}\\")"' for n in range(len(process.args) + 1)
            ]
            lines.append(f"exec bash -c '{' '.join(words)}' \"${{@:1}}\"")
        else:
            lines.append('exec bash -c "$@"')
        command = ["bash", "-c", "\n".join(lines), self.self]
        command += [" ".join(process.command), *process.args]
        _become("/bin/bash", command, self.environment)

    def _profiles(self, process_type: str) -> Iterator[str]:
        for layer in self.each_layer():
            yield from map(str, _files(layer / "profile.d"))
            if process_type:
                yield from map(str, _files(layer / "profile.d" / process_type))
        if (Path(self.app) / ".profile").is_file():
            yield ".profile"

    def _told_by(self, path: Path) -> dict[str, str]:
        """Run one program; what it writes to its third descriptor is TOML."""
        doing = f"exec.d: failed to execute exec.d file at path '{path}'"
        reading, writing = os.pipe()
        try:
            done = os.posix_spawn(
                str(path),
                [str(path)],
                self.environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, writing, 3)],
                setsigdef=[signal.SIGPIPE],
            )
        except OSError as exc:
            raise LaunchError(
                f"{doing}: fork/exec {path}: {(exc.strerror or '').lower()}"
            ) from exc
        finally:
            os.close(writing)
        with os.fdopen(reading) as told:
            said = told.read()
        _, status = os.waitpid(done, 0)
        if code := os.waitstatus_to_exitcode(status):
            raise LaunchError(f"{doing}: exit status {code}")
        try:
            return {name: str(value) for name, value in tomllib.loads(said).items()}
        except tomllib.TOMLDecodeError as exc:
            raise LaunchError(
                f"exec.d: failed to decode output from exec.d file at path '{path}': "
                f"{exc}"
            ) from exc

    def _apply(self, path: Path) -> None:
        name, _, action = path.name.partition(".")
        value = path.read_text()
        now = self.environment.get(name, "")
        match action:
            case "prepend":
                self._put_before(name, value, _delimiter(path, name))
            case "append":
                between = _delimiter(path, name) if now else ""
                self.environment[name] = f"{now}{between}{value}"
            case "default" if now:
                pass
            case "" | "override" | "default":
                self.environment[name] = value
            case _:  # the lifecycle leaves out what it does not know
                pass

    def _put_before(self, name: str, value: str, between: str) -> None:
        now = self.environment.get(name, "")
        self.environment[name] = f"{value}{between}{now}" if now else value

    def _api_of(self, buildpack: str) -> str:
        for known in self.buildpacks:
            if known["id"] == buildpack:
                return known["api"]
        raise LaunchError(f"failed to find buildpack with buildpack ID {buildpack}")


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Launch; ends with the lifecycle's code when nothing can be launched."""
    try:
        launcher_of(arguments[0], environment).launch(arguments[1:])
    except LaunchError as exc:
        said = f"failed to launch: {exc}" if exc.code == NOT_LAUNCHED else str(exc)
        mark = "ERROR: " if environment.get("CNB_NO_COLOR") else _RED_ERROR
        sys.stdout.write(f"{mark}{said}\n")
        sys.exit(exc.code)


def launcher_of(name: str, environment: Mapping[str, str]) -> Launcher:
    """Read what an image says of itself; cmd/launcher/cli/launcher.go, cmd/apis.go."""
    api = environment.get("CNB_PLATFORM_API", "").strip()
    if not api:
        raise LaunchError(
            "failed to get platform API version; please set 'CNB_PLATFORM_API' to "
            "specify the desired platform API version",
            NO_PLATFORM_API,
        )
    if api not in PLATFORM_APIS:
        raise LaunchError(
            f"failed to set platform API: platform API version '{api}' is incompatible "
            "with the lifecycle",
            NO_PLATFORM_API,
        )
    layers = Path(environment.get("CNB_LAYERS_DIR") or "/layers")
    about = _metadata(layers / "config" / "metadata.toml")
    buildpacks = about.get("buildpacks", [])
    for known in buildpacks:
        if known["api"] not in BUILDPACK_APIS:
            raise LaunchError(
                f"failed to set API for buildpack '{known['id']}': buildpack API "
                f"version '{known['api']}' is incompatible with the lifecycle",
                NO_BUILDPACK_API,
            )
    return Launcher(
        self=name,
        platform_api=api,
        layers=layers,
        app=environment.get("CNB_APP_DIR") or "/workspace",
        processes=about.get("processes", []),
        buildpacks=buildpacks,
        environment=launch_environment(environment),
    )


def launch_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what is left of an environment for a process; env/launch.go."""
    kept = {name: text for name, text in environment.items() if name not in TAKEN_AWAY}
    if "PATH" in kept:
        folders = kept["PATH"].split(":")
        here = (PROCESSES, LIFECYCLE)
        kept["PATH"] = ":".join(each for each in folders if each not in here)
    return kept


def _metadata(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise LaunchError(f"failed to read metadata: {exc}", FAILED) from exc


def _read(about: Mapping[str, Any]) -> Process:
    command = about["command"]
    return Process(
        command=[command] if isinstance(command, str) else list(command),
        args=list(about.get("args", [])),
        type=about["type"],
        is_direct=bool(about.get("direct", False)),
        buildpack=about.get("buildpack-id", ""),
        folder=about.get("working-dir", ""),
    )


def _given(arguments: list[str]) -> Process:
    """Return the process that somebody asks for: directly after `--`, or by bash."""
    if not arguments:
        raise LaunchError(
            "determine start command: when there is no default process a command is "
            "required"
        )
    if arguments[0] == "--" and len(arguments) > 1:
        return Process(command=[arguments[1]], args=arguments[2:])
    return Process(command=arguments[:1], args=arguments[1:], is_direct=False)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if not path.is_dir()]


def _delimiter(path: Path, name: str) -> str:
    found = path.parent / f"{name}.delim"
    return found.read_text() if found.is_file() else ""


def _minor(api: str) -> int:
    found = re.fullmatch(r"0\.(\d+)", api)
    return int(found[1]) if found else 0


def _become(
    program: str, command: Sequence[str], environment: Mapping[str, str]
) -> NoReturn:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as it was before this interpreter
    failed: list[OSError] = []

    def execute() -> None:
        try:
            os.execve(program, list(command), dict(environment))  # noqa: S606 - its task
        except OSError as exc:
            failed.append(exc)

    # Go's runtime has threads, and any of them becomes the process: for a moment the
    # first one is a zombie, as whoever looks at it sees.
    thread = threading.Thread(target=execute)
    thread.start()
    thread.join()
    how = "bash exec" if program == "/bin/bash" else "direct exec"
    raise LaunchError(f"{how}: {failed[0].strerror}")


if __name__ == "__main__":
    main(sys.argv, os.environ)  # noqa: TID251 - the container's own
