"""Whose a phase is: it becomes no other user, and takes no folder of another.

priv/user_linux.go of buildpacks/lifecycle 0.20.19. Root alone could do either, and
phases here never are root.
"""

import os
import pwd
from pathlib import Path

from tests.support.standin.asked import FAILED, Asked, PhaseError


def own(asked: Asked, *folders: str | None) -> None:
    """Refuse folders that the user cannot write to, and to become another user.

    EnsureOwner judges by owner, group and mode, and changes the owner where those do
    not do; RunAs changes user and group where the process has others.

    Raises:
        PhaseError: The owner of a folder, or of the process, cannot be changed.
    """
    user, group = asked.owner
    for folder in filter(None, folders):
        if not (found := Path(folder)).exists():
            continue
        about = found.stat()
        is_theirs = about.st_uid == user or (
            about.st_gid == group and about.st_mode & 0o020
        )
        if not is_theirs and not about.st_mode & 0o002:
            why = f"chown {folder}: operation not permitted"
            raise PhaseError(FAILED, f"failed to chown volumes: {why}")
    if (user, group) != (os.getuid(), os.getgid()):
        raise PhaseError(
            FAILED, f"failed to exec as user {user}:{group}: operation not permitted"
        )


def become(asked: Asked) -> None:
    """SetEnvironmentForUser: a creator's user needs a name.

    Raises:
        PhaseError: The image knows no such user.
    """
    user, _ = asked.owner
    try:
        pwd.getpwuid(user)
    except KeyError:
        raise PhaseError(
            FAILED,
            f"failed to set environment for user {user}: user: unknown userid {user}",
        ) from None


def refuse_root(doing: str) -> None:
    """Privileges in cmd/lifecycle/detector.go and builder.go.

    Raises:
        PhaseError: The process is root's.
    """
    if os.getuid() == 0:
        raise PhaseError(FAILED, f"failed to {doing}: refusing to run as root")
