"""The environment of a build: made from nothing, so that it holds no secret."""

from pathlib import Path
from typing import Final

from service.adapters.local.confine import Area
from service.adapters.local.job import Job
from service.adapters.local.options import DEFAULT_PATH

__all__ = ["build_variables", "git_variables", "search_path"]

_CERTIFICATES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
)
"""Where Debian and Fedora, and their kin, keep the authorities they trust."""


def build_variables(job: Job, area: Area) -> dict[str, str]:
    """Return all that the tools and the repository's code can see."""
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
        # Linked files would let a build write into everybody's cache.
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    return {**_trusted(job), **job.environment, **own, **area.variables}


def _trusted(job: Job) -> dict[str, str]:
    """Let tools trust whom this machine trusts, where they bring a list of their own.

    Behind a proxy that looks into TLS, its certificate is in the system's list only.
    """
    named = job.environment.get("SSL_CERT_FILE", "")
    found = next((it for it in (named, *_CERTIFICATES) if it and Path(it).exists()), "")
    if not found:
        return {}
    return {"PIP_CERT": found, "REQUESTS_CA_BUNDLE": found, "UV_SYSTEM_CERTS": "true"}


def git_variables(job: Job, area: Area) -> dict[str, str]:
    """Return what git sees: no configuration, no prompt, no helper, no filter."""
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
    """Put the Pythons themselves in the place of a version manager's shims.

    Shims obey the version manager's configuration, which builds do not have.
    """
    folders: list[str] = []
    for entry in path.split(":"):
        versions = Path(entry).parent / "versions"
        if Path(entry).name == "shims" and versions.is_dir():
            folders.extend(str(it / "bin") for it in _released(versions))
        elif entry:
            folders.append(entry)
    return ":".join(folders)


def _released(versions: Path) -> list[Path]:
    """Return the folders of released Python 3s, newest first."""
    named = {
        tuple(int(part) for part in it.name.split(".")): it
        for it in versions.glob("3.*")
        if it.name.replace(".", "").isdigit()
    }
    return [named[number] for number in sorted(named, reverse=True)]
