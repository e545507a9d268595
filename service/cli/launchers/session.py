"""`relaunch launcher start`: what a session shows, on the service's machine."""

import os
import secrets
import socket
import subprocess
import time
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.adapters.local.folders import Folders
from service.adapters.local.images import Images
from service.cli.output.printing import echo
from service.errors import InvalidRequestError, PermanentError
from service.settings import Settings, load, passed_to_builds

__all__ = ["RunningSession", "start_session"]

HOST: Final = "127.0.0.1"
READY_WITHIN: Final = 60.0
"""Seconds until the frontend listens; JupyterLab takes a few."""
LOOK_EVERY: Final = 0.2
SIGNALLED: Final = 128
"""What shells add to a signal's number for a program that it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSession:
    """What is to be started."""

    launcher_id: str
    image: str
    frontend: str
    repository: str
    revision: str = ""
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the launcher sets for its sessions."""
    folder: Path | None = None
    """Where it works; a clone of the repository that is kept when None."""
    port: int = 0
    """A free one when 0."""
    opens_browser: bool = True


def start_session(session: RunningSession) -> int:
    """Start a session's command or frontend, wait for its end, return its exit code.

    Raises:
        InvalidRequestError: There is nothing to start, or the image is not here.
        NotFoundError: The image or its frontend is gone.
        PermanentError: The repository cannot be cloned.
    """
    _check(session)
    settings = load()
    folder = session.folder or _checkout(session, settings)
    port = session.port or _free_port()
    token = secrets.token_urlsafe(16)
    argv, variables = _program(session, settings, folder=folder, port=port)
    # The variables of a Renku session, so that a launcher's command finds here what it
    # finds there.
    own = {
        "JUPYTER_TOKEN": token,
        "RENKU_BASE_URL_PATH": "/",
        "RENKU_MOUNT_DIR": str(folder),
        "RENKU_SESSION_IP": HOST,
        "RENKU_SESSION_PORT": str(port),
        "RENKU_WORKING_DIR": str(folder),
    }
    url = f"http://{HOST}:{port}/"
    if not session.command and not session.args:
        url = f"{url}lab?token={token}"
    echo(f"Working folder: {folder}")
    # Ours last: a launcher's own JUPYTER_TOKEN or port would make the printed URL
    # wrong.
    environment = {**variables, **session.variables, **own}
    return _run(argv, environment, folder, port=port, url=url, session=session)


def _check(session: RunningSession) -> None:
    if not session.image.startswith("local/"):
        raise InvalidRequestError(
            f"{session.image} is in a registry, not on this machine; start it with "
            "your platform, or with a container engine"
        )
    if session.frontend != "jupyterlab" and not session.command and not session.args:
        raise InvalidRequestError(
            f"there is nothing to start: the frontend is {session.frontend!r} and no "
            "command is set; set one with `relaunch launcher edit NAME --command …`, "
            "or run a program with `relaunch launcher run NAME -- PROGRAM`"
        )


def _program(
    session: RunningSession, settings: Settings, *, folder: Path, port: int
) -> tuple[list[str], dict[str, str]]:
    images = Images(
        folders=Folders(root=settings.builder_root.absolute()),
        environment=passed_to_builds(settings),
    )
    if session.command or session.args:
        # As in a container: the command in place of the entrypoint, then arguments.
        return images.command_in(session.image, [*session.command, *session.args])
    options = [
        "--no-browser",
        f"--ServerApp.ip={HOST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]
    return images.command_in(session.image, options, frontend=True)


def _checkout(session: RunningSession, settings: Settings) -> Path:
    """Return the launcher's clone of its repository, made once: people work in it."""
    folder = settings.data / "sessions" / session.launcher_id
    # Never pulled or reset: it has a person's unsaved work.
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    name = session.revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
    revision = ["--branch", name] if name else []
    argv = ["git", "clone", "--quiet", *revision]
    argv += ["--", session.repository, str(folder)]
    done = subprocess.run(  # noqa: S603 - no shell; git reads the URL after `--`
        argv, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["?"])[-1]
        raise PermanentError(
            f"git could not clone {session.repository}: {reason}; "
            "give the folder to work in with --folder"
        )
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    port: int,
    url: str,
    session: RunningSession,
) -> int:
    with subprocess.Popen(argv, env=environment, cwd=folder) as process:  # noqa: S603 - what the owner configured
        try:
            if _wait_until_listening(process, port):
                echo(f"Open {url} · Ctrl-C stops it")
                if session.opens_browser:
                    webbrowser.open(url)
            code = process.wait()
        except KeyboardInterrupt:
            # The terminal sent it to the program too.
            code = process.wait()
    return code if code >= 0 else SIGNALLED - code


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> bool:
    """Return whether something answers on the port before the program ends.

    A command need not listen at all: then it runs without an address.
    """
    until = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(LOOK_EVERY)
        else:
            return True
    return False
