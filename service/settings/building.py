"""Settings of builds, and of what they see of this process."""

from datetime import timedelta

from pydantic import Field

from service.settings.section import Duration, Names, Section

__all__ = ["BuildSettings"]


class BuildSettings(Section):
    """Building."""

    at_once: int = Field(default=2, ge=1)
    """How many builds run at once."""
    per_project: int = Field(default=2, ge=1)
    """How many of them for one project."""
    attempts: int = Field(default=3, ge=1)
    """How often a build is tried whose failures pass by themselves."""
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
