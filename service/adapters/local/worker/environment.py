"""The environment variables of a build, made from scratch to hold no secret."""

from pathlib import Path
from typing import Final

from service.adapters.local.isolation.confine import Area
from service.adapters.local.job import Job
from service.adapters.local.options import DEFAULT_PATH

__all__ = ["build_variables", "git_variables", "search_path"]

_CERTIFICATES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
)
"""The certificate stores of Debian, Fedora and their derivatives."""


def build_variables(job: Job, area: Area) -> dict[str, str]:
    """Return all variables of the tools and of the repository's code."""
    own = {
        "HOME": str(area.home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": search_path(job.environment.get("PATH", DEFAULT_PATH)),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_ROOT_USER_ACTION": "ignore",
        "POETRY_NO_INTERACTION": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(area.temporary),
        # With hard links, a build could write to files of the shared cache.
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    # The order is the precedence: an operator's variables win over our guesses, and
    # neither over what keeps builds apart.
    return {**_trusted(job), **job.environment, **own, **area.variables}


def _trusted(job: Job) -> dict[str, str]:
    """Return variables that make tools trust this machine's certificate store."""
    # The tools bring a list of their own. Behind a proxy that intercepts TLS, its
    # certificate is in the system's store only.
    named = job.environment.get("SSL_CERT_FILE", "")
    found = next(
        (
            certificate
            for certificate in (named, *_CERTIFICATES)
            if certificate and Path(certificate).exists()
        ),
        "",
    )
    if not found:
        return {}
    return {"PIP_CERT": found, "REQUESTS_CA_BUNDLE": found, "UV_SYSTEM_CERTS": "true"}


def git_variables(job: Job, area: Area) -> dict[str, str]:
    """Return the variables of git: no configuration, no prompt, no filter."""
    return {
        **build_variables(job, area),
        **job.git_environment,
        "GIT_ALLOW_PROTOCOL": "https:http" + (":file" if job.allow_files else ""),
        "GIT_ASKPASS": "false",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def search_path(path: str) -> str:
    """Replace a version manager's shims on a path by its interpreters."""
    # A shim reads the version manager's configuration, which builds do not have.
    folders: list[str] = []
    for entry in path.split(":"):
        versions = Path(entry).parent / "versions"
        if Path(entry).name == "shims" and versions.is_dir():
            folders.extend(str(version / "bin") for version in _released(versions))
        elif entry:
            folders.append(entry)
    return ":".join(folders)


def _released(versions: Path) -> list[Path]:
    """Return the folders of released Python 3s, newest first."""
    named = {
        tuple(int(part) for part in path.name.split(".")): path
        for path in versions.glob("3.*")
        if path.name.replace(".", "").isdigit()
    }
    return [named[number] for number in sorted(named, reverse=True)]
