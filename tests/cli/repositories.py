"""Real repositories to push from."""

import subprocess
from pathlib import Path

QUIET = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}


def git(folder: Path, *words: str) -> str:
    said = subprocess.run(
        ["git", *words], cwd=folder, env=QUIET, capture_output=True, check=True
    )
    return said.stdout.decode().strip()


def a_repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "-bmain")
    return folder


def commit(folder: Path, message: str, **files: str | None) -> str:
    """Write files (None removes one; `__` stands for a dot) and commit them."""
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        if content is None:
            path.unlink()
        else:
            path.write_text(content)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")
