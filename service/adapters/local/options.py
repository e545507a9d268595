"""The options of local builds."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from service.adapters.local.isolation.probe import IsolationChoice

__all__ = [
    "DEFAULT_PATH",
    "PASSED",
    "LocalOptions",
    "passed",
]

DEFAULT_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
"""The search path of builds when none is passed."""

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
    """Return the variables of an environment that builds may see."""
    return {name: value for name, value in environment.items() if name in PASSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """Versions, limits and access of builds."""

    poetry_version: str = "1.8.3"
    pip_python: str = "3.10"
    """The Python of a plain `requirements.txt`, as in Renku."""
    jupyterlab_version: str = "4.5.0"
    """As Renku's frontend has it."""
    deadline: timedelta = timedelta(minutes=30)
    """From the start of a build to the moment it is stopped."""
    max_log: int = 4 * 1024 * 1024
    """Bytes of log kept of one build; the rest is dropped, with a note."""
    min_free_disk: int = 1024**3
    """Bytes that must be free for a build to begin."""
    passed_environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that builds see; see `passed`."""
    git_environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that git sees beside them, during the clone only."""
    conda_alias: str = ""
    """The URL that channel names are resolved against; empty for the solver's own."""
    allow_files: bool = False
    """Whether `file://` repositories may be built."""
    private_hosts: frozenset[str] = frozenset({"*"})
    """Hosts of repositories that may have a private address; `*` stands for any."""
    isolation: IsolationChoice = "auto"
    """The isolation of builds; see `find_isolation`."""
    visible: tuple[Path, ...] = ()
    """Files and folders that builds may read, beside the system's programs."""
    hidden: tuple[Path, ...] = ()
    """Paths that builds may not read; the builder's root is always one."""
    memory: int = 0
    """Bytes that the processes of one build may take; 0 for three quarters of what
    the machine has."""
    disk: int = 20 * 1024**3
    """Bytes that one build may write."""
    processes: int = 2048
    """Processes and threads that one build may have at one time."""
    nice: int = 5
    """The niceness of builds."""

    @property
    def memory_limit(self) -> int:
        """Return the bytes of memory that the processes of one build may take."""
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return self.memory or machine * 3 // 4
