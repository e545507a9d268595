"""Settings of builds, and of what they see of this process."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from service.settings.section import Duration, Names, Section

__all__ = ["BuildSettings", "LocalSettings"]


class BuildSettings(Section):
    """Building."""

    max_concurrent: int = Field(default=3, ge=1)
    """How many builds run at once."""
    max_per_project: int = Field(default=0, ge=0)
    """How many of them for one project; 0 for half of them, rounded up. No project then
    takes every slot, unless there is one alone."""
    attempts: int = Field(default=3, ge=1)
    """How often a build is tried whose failures pass by themselves."""
    max_background_per_hour: int = Field(default=60, ge=1)
    """How many images an hour are built anew because what builds them changed, or what
    they stand on, or because a launcher's schedule says so."""
    retry_after: Duration = timedelta(seconds=30)
    """The wait before a second try; it doubles."""
    deadline: Duration = timedelta(minutes=30)
    """How long a build on this machine may take."""
    pip_python: str = "3.10"
    """The Python of a bare requirements.txt."""
    poetry_version: str = "1.8.3"
    """The poetry that installs poetry projects."""
    pass_environment: Names = ()
    """Further variables of this process that builds may see; never secrets."""


class LocalSettings(Section):
    """Builds on this machine, where `builder` is `local`."""

    isolation: Literal["auto", "namespaces", "landlock", "none"] = "auto"
    """What keeps builds apart: `namespaces` or `landlock`, or the service does not
    start; `auto` takes the first of them that the system allows, else `none`, with
    which builds have this user's reach."""
    read_only_paths: tuple[Path, ...] = ()
    """Files and folders that builds may read beside the system's: `["/srv/wheels"]`."""
    memory_mb: int = Field(default=0, ge=0)
    """Megabytes of memory that one build may take; 0 for three quarters of what the
    machine has."""
    disk_mb: int = Field(default=20_480, ge=1)
    """Megabytes that one build may write, its environment included."""
    processes: int = Field(default=2048, ge=16)
    """How many processes and threads one build may have at one time."""
    nice: int = Field(default=5, ge=0, le=19)
    """How far builds stand back for the rest of the machine, as `nice` counts."""
