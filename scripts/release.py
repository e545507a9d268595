"""Check and tag a release: `make release VERSION=0.2.0`.

The steps: the working tree is clean and on main, the version is semantic and newer than
the one that `pyproject.toml` names, the changelog lacks it, and there is a fragment in
`changes/`. Then the version is written, the fragments become a section of CHANGELOG.md,
and both are one commit with an annotated tag `v<version>`. Nothing is pushed.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from packaging.version import Version

__all__ = ["ReleaseError", "main", "release"]

ROOT: Final = Path(__file__).parent.parent
SEMANTIC: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9a-z.]+)?")
"""https://semver.org/, without build metadata."""
FRAGMENT: Final = re.compile(
    r".+\.(added|changed|deprecated|removed|fixed|security)\.md"
)
_CURRENT: Final = re.compile(r'^version = "(.+)"$', re.MULTILINE)


class ReleaseError(Exception):
    """A release that cannot be made: what was seen and what was expected."""


def release(root: Path, version: str) -> str:
    """Write the version and the changelog, commit and tag; return the tag.

    Raises:
        ReleaseError: The tree, the version or the fragments do not allow it; nothing
            was changed.
    """
    project = root / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    _check_version(version, current=_CURRENT.findall(text)[0])
    _check_tree(root, tag=f"v{version}")
    _check_changes(root, version)
    project.write_text(_CURRENT.sub(f'version = "{version}"', text, count=1), "utf-8")
    _run(
        root, sys.executable, "-m", "towncrier", "build", "--yes", "--version", version
    )
    _run(root, "git", "add", "--all")
    _run(root, "git", "commit", "--quiet", "--message", f"Release {version}")
    _run(root, "git", "tag", "--annotate", f"v{version}", "--message", version)
    return f"v{version}"


def _check_version(version: str, *, current: str) -> None:
    if not SEMANTIC.fullmatch(version):
        message = f"{version!r} is no semantic version, such as 0.2.0 (semver.org)"
        raise ReleaseError(message)
    if Version(version) <= Version(current):
        message = f"{version} is not newer than {current}, which pyproject.toml names"
        raise ReleaseError(message)


def _check_tree(root: Path, *, tag: str) -> None:
    branch = _run(root, "git", "branch", "--show-current")
    if branch != "main":
        message = f"releases are made on main; this is {branch or 'a detached HEAD'}"
        raise ReleaseError(message)
    if changed := _run(root, "git", "status", "--porcelain"):
        message = f"the working tree has changes that are not committed:\n{changed}"
        raise ReleaseError(message)
    if _run(root, "git", "tag", "--list", tag):
        message = f"the tag {tag} is there already"
        raise ReleaseError(message)


def _check_changes(root: Path, version: str) -> None:
    if f"## [{version}]" in (root / "CHANGELOG.md").read_text(encoding="utf-8"):
        message = f"CHANGELOG.md has a section of {version} already"
        raise ReleaseError(message)
    names = sorted(path.name for path in (root / "changes").glob("*.md"))
    wrong = [name for name in names if not FRAGMENT.fullmatch(name)]
    if wrong:
        message = (
            f"changes/ has {', '.join(wrong)}; expected <name>.<type>.md, the type one"
            " of added, changed, deprecated, removed, fixed, security"
        )
        raise ReleaseError(message)
    if not names:
        message = "changes/ has no fragment: there is nothing to release"
        raise ReleaseError(message)


def _run(root: Path, *argv: str) -> str:
    result = subprocess.run(  # noqa: S603 - git and towncrier, with our arguments
        argv, cwd=root, check=False, capture_output=True, text=True
    )
    if result.returncode:
        message = f"{' '.join(argv)} failed: {result.stderr.strip()}"
        raise ReleaseError(message)
    return result.stdout.strip()


def main() -> None:
    """Release the version that the first argument names."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its argument
        sys.exit("expected a version: make release VERSION=0.2.0")
    try:
        tag = release(ROOT, sys.argv[1])
    except ReleaseError as exc:
        sys.exit(f"not released: {exc}")
    sys.stdout.write(f"{tag} is committed and tagged; next: git push --follow-tags\n")


if __name__ == "__main__":
    main()
