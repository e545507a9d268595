"""What an operator can choose about local builds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from service.adapters.local.isolation import IsolationWish

__all__ = ["DEFAULT_PATH", "PASSED", "LocalOptions", "passed"]

DEFAULT_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
"""Where builds look for programs when nothing else is passed."""

PASSED: Final = frozenset(
    {
        "ALL_PROXY",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "PATH",
        "PIP_CERT",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_INDEX_URL",
        "PIP_RETRIES",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_INDEX_URL",
        "UV_SYSTEM_CERTS",
        "all_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
"""The only variables of the service that builds may see: where programs, package
indexes, proxies and certificates are. Repository code sees them too."""


def passed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment builds may see."""
    return {name: value for name, value in environment.items() if name in PASSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """Versions, limits and what builds may see."""

    poetry_version: str = "1.8.3"
    pip_python: str = "3.10"
    """What a bare `requirements.txt` is built with, as Renku does."""
    jupyterlab_version: str = "4.5.0"
    """As Renku's frontend has it."""
    deadline: timedelta = timedelta(minutes=30)
    """From the start of a build to the moment it is stopped."""
    max_log: int = 4 * 1024 * 1024
    """Bytes of log that are kept of one build; the rest is dropped, and said."""
    min_free_disk: int = 1024**3
    """Bytes that must be free for a build to begin."""
    passed_environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that builds see; see `passed`."""
    git_environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that git sees beside them, during the clone only."""
    conda_alias: str = ""
    """What channel names are resolved against; empty for the solver's own."""
    allow_files: bool = False
    """Whether `file://` repositories may be built."""
    private_hosts: frozenset[str] = frozenset({"*"})
    """Hosts of repositories that may have a private address; `*` stands for any."""
    isolation: IsolationWish = "auto"
    """What builds are kept apart with; see `find_isolation`."""
    visible: tuple[Path, ...] = ()
    """Files and folders that builds may read, beside the system's programs."""
    hidden: tuple[Path, ...] = ()
    """What builds may not read, wherever it lies; the builder's root is among it."""
    memory: int = 0
    """Bytes that the processes of one build may take; 0 for three quarters of what
    the machine has."""
    disk: int = 20 * 1024**3
    """Bytes that one build may write."""
    processes: int = 2048
    """Processes and threads that one build may have at one time."""
    nice: int = 5
    """How far builds stand back for the rest of the machine, as `nice` counts."""
