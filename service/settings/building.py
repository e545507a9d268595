"""Settings of builds, of what they see of this process, and of an upstream Renku."""

from datetime import timedelta
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from service.domain.repository import is_loopback
from service.settings.section import Duration, Names, Section

__all__ = ["BuildSettings", "LocalSettings", "RenkuSettings", "parse_upstream"]

_UPSTREAM: Final = "renku+"


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


class RenkuSettings(Section):
    """An upstream Renku, where `launchers` names one: who this service is there."""

    projects: Names = ()
    """The projects whose launchers are followed: by id, or as `namespace/slug`."""
    token: SecretStr | None = None
    """An access token that does not expire, as an API token of another relaunch."""
    refresh_token: SecretStr | None = None
    """Of a user with the role of an editor there: access tokens are got with it (OAuth
    2.0). One with the scope `offline_access` stays valid over a restart."""
    client_id: str | None = None
    """The client that gets access tokens: with a refresh token, or by itself with
    `client_secret` alone."""
    client_secret: SecretStr | None = None
    """Of that client, where it has one."""
    token_url: str | None = None
    """Where access tokens are got; of the realm `Renku` at the host of `launchers` when
    unset."""
    interval: Duration = timedelta(minutes=1)
    """How often launchers are listed there."""
    poll_interval: Duration = timedelta(seconds=5)
    """How often running builds are read; Renku moves them on only when they are."""

    @field_validator("token_url")
    @classmethod
    def _is_secure(cls, value: str | None) -> str | None:
        if value is not None:
            _check_secure(value, expected="https://host/path")
        return value

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """Return what must not be shown."""
        given = (self.token, self.refresh_token, self.client_secret)
        return tuple(secret for secret in given if secret is not None)


def parse_upstream(value: str) -> str:
    """Return the URL of an upstream Renku, without a slash at its end.

    Raises:
        ValueError: It is none; a token would be sent unencrypted; or it holds one.
    """
    expected = "renku+https://host"
    if not value.startswith(_UPSTREAM):
        raise ValueError(f"{_plain(value)!r} is no upstream; expected {expected}")
    url = value.removeprefix(_UPSTREAM).rstrip("/")
    _check_secure(url, expected=expected)
    return url.removesuffix("/api/data")


def _check_secure(url: str, *, expected: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"expected {expected}, without credentials and query")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is no URL; expected {expected}")
    # A token would cross a network unencrypted.
    if parts.scheme == "http" and not is_loopback(parts.netloc):
        raise ValueError(f"{url!r} is not encrypted; expected {expected}")


def _plain(value: str) -> str:
    """Return a value without what may be a password in it."""
    return value.rpartition("@")[2]
