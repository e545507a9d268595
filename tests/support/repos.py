"""Real git repositories for tests, made in milliseconds.

`Repo` is a bare repository. Commits are written with `git fast-import`, one process
each, without a working tree.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.domain.repository import CommitSha, Repository

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/dev/null",
    "LC_ALL": "C",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}

PERSON = "A Person <person@example.org> 1772366400 +0000"


@dataclass(frozen=True, slots=True)
class Executable:
    """A file with the exec bit."""

    content: str | bytes


@dataclass(frozen=True, slots=True)
class Link:
    """A symlink."""

    target: str


@dataclass(frozen=True, slots=True)
class Submodule:
    """A gitlink."""

    commit: str


@dataclass(frozen=True, slots=True)
class MovedFrom:
    """What was at another path, which it leaves; a file or a whole directory."""

    path: str


Content = str | bytes | Executable | Link | Submodule | MovedFrom | None
"""What a commit puts at a path; None takes it away."""


class Repo:
    """A bare repository that tests push to."""

    def __init__(self, path: Path, *, hashing: str = "sha1") -> None:
        self.path = path
        git("init", "-q", "--bare", f"--object-format={hashing}", "-b", "main", path)
        self.configure("uploadpack.allowFilter", "true")

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    @property
    def repository(self) -> Repository:
        return Repository.from_url(self.url)

    def commit(
        self,
        files: Mapping[str, Content],
        *,
        branch: str = "main",
        parents: Sequence[str] | None = None,
        clear: bool = False,
        message: str = "a change",
    ) -> CommitSha:
        """Commit to a branch and return the commit's id.

        Args:
            files: What changes.
            branch: The branch that moves; made when it is new.
            parents: Other parents than the branch's tip: none for an orphan, an
                older one for a force push, several for a merge.
            clear: Whether nothing of the first parent stays.
            message: The commit's message.
        """
        ref = f"refs/heads/{branch}"
        if parents is None:
            parents = [it] if (it := self.tip(ref)) else []
        lines = [b"reset %s\n" % _raw(ref)] if not parents else []
        lines += [b"commit %s\nmark :1\n" % _raw(ref)]
        lines += [b"committer %s\n" % PERSON.encode(), _data(_raw(message))]
        for word, parent in zip(
            ["from", *["merge"] * len(parents)], parents, strict=False
        ):
            lines.append(f"{word} {parent}\n".encode())
        lines += [b"deleteall\n"] if clear else []
        lines += [_change(_quoted(path), content) for path, content in files.items()]
        lines.append(b"\nget-mark :1\n")
        said = self.git(
            "fast-import",
            "--quiet",
            "--force",
            "--date-format=raw",
            stdin=b"".join(lines),
        )
        return CommitSha(said.decode().strip())

    def tip(self, ref: str = "refs/heads/main") -> str:
        """Return what a ref points at; nothing when there is no such ref."""
        return self.git("for-each-ref", "--format=%(objectname)", ref).decode().strip()

    def point(self, ref: str, commit: str) -> None:
        """Make a ref, or move it wherever."""
        self.git("update-ref", ref, commit)

    def delete(self, ref: str) -> None:
        self.git("update-ref", "-d", ref)

    def tag(self, name: str, commit: str, *, message: str | None = None) -> str:
        """Make or move a tag, an annotated one when it has a message."""
        if message is None:
            self.point(f"refs/tags/{name}", commit)
        else:
            person = ["-c", "user.name=A Person", "-c", "user.email=p@example.org"]
            self.git(*person, "tag", "-f", "-a", "-m", message, name, commit)
        return self.tip(f"refs/tags/{name}")

    def make_default(self, branch: str) -> None:
        self.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def configure(self, key: str, value: str) -> None:
        self.git("config", key, value)

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return git("-C", self.path, *arguments, stdin=stdin)


def git(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    """Run git and return what it says."""
    done = subprocess.run(
        ["git", *arguments],
        input=stdin,
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stderr.decode("utf-8", "replace"))
    return done.stdout


def _change(path: bytes, content: Content) -> bytes:
    match content:
        case None:
            return b"D %s\n" % path
        case MovedFrom(path=old):
            return b"R %s %s\n" % (_quoted(old), path)
        case Submodule(commit=commit):
            return b"M 160000 %s %s\n" % (commit.encode(), path)
        case Link(target=target):
            return b"M 120000 inline %s\n%s" % (path, _data(_raw(target)))
        case Executable(content=inner):
            return b"M 100755 inline %s\n%s" % (path, _data(_raw(inner)))
        case _:
            return b"M 100644 inline %s\n%s" % (path, _data(_raw(content)))


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _raw(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def _quoted(path: str) -> bytes:
    """Quote as fast-import reads it, so that any byte can be in a path."""
    special = {ord('"'): b'\\"', ord("\\"): b"\\\\", ord("\n"): b"\\n"}
    raw = _raw(path)
    return (
        b'"' + b"".join(special.get(number, bytes((number,))) for number in raw) + b'"'
    )
