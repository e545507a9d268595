"""What is typed for the hook of a folder writes there, or nowhere."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.usecases.hook_setup import setup_steps
from service.domain.hook import Hook
from service.domain.repository import Repository
from tests.cli.repositories import QUIET, a_repository, git
from tests.support.deliveries import a_hook

URL = "https://relaunch.test/webhooks/github/hook-1"
SECRET = "s3cret-of-the-hook"
SHELLS = [name for name in ("sh", "bash", "zsh") if shutil.which(name)]

Type = Callable[..., subprocess.CompletedProcess[str]]


def hook_of(folder: Path, *, rotated: bool = False) -> Hook:
    repository = Repository.from_url(f"file://{folder}")
    hook = a_hook(repository=repository)
    return replace(hook, rotated_at=hook.created_at) if rotated else hook


def typed_of(folder: Path, *, rotated: bool = False) -> str:
    """Return every line of the steps but the last, which reports a push by hand."""
    steps = setup_steps(hook_of(folder, rotated=rotated), URL)
    typed = [step.partition("\n")[2] for step in steps[:-1]]
    text = "\n".join(typed)
    assert text.count("cat > relaunch.") == 1
    # The secret is pasted where the text says so.
    return re.sub(r"cat > (relaunch\.\w+)", rf"echo {SECRET} > \1", text)


def written(top: Path) -> set[str]:
    """Name what holds the secret, or is a hook of git that does something."""
    return {
        str(path.relative_to(top))
        for path in top.rglob("*")
        if path.is_file()
        and (SECRET in path.read_text(errors="replace") or path.name == "post-receive")
    }


@pytest.fixture(params=SHELLS)
def type_in(request: pytest.FixtureRequest, tmp_path: Path) -> Type:
    """Type lines into a shell of a person who works in a repository of her own.

    A terminal goes on behind a line that failed, so `set -e` is not set.
    """
    elsewhere = a_repository(tmp_path / "elsewhere")

    def run(text: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [request.param, "-c", text],
            cwd=elsewhere,
            env=QUIET | env,
            check=False,
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.parametrize("rotated", [False, True], ids=["new", "rotated"])
def test_a_folder_that_is_not_there_has_nothing_written(
    type_in: Type, tmp_path: Path, *, rotated: bool
) -> None:
    done = type_in(typed_of(tmp_path / "nowhere", rotated=rotated))

    assert done.returncode != 0
    assert written(tmp_path) == set()


@pytest.mark.parametrize("rotated", [False, True], ids=["new", "rotated"])
def test_the_repository_around_a_plain_folder_has_nothing_written(
    type_in: Type, tmp_path: Path, *, rotated: bool
) -> None:
    folder = a_repository(tmp_path / "around") / "plain"
    folder.mkdir()

    done = type_in(typed_of(folder, rotated=rotated))

    assert done.returncode != 0
    assert written(tmp_path) == set()


def test_where_git_refuses_to_read_nothing_is_written(
    type_in: Type, tmp_path: Path
) -> None:
    """Git reads no repository of somebody else: safe.directory."""
    folder = a_repository(tmp_path / "course")

    done = type_in(typed_of(folder), GIT_TEST_ASSUME_DIFFERENT_OWNER="1")

    assert "dubious ownership" in done.stderr
    assert done.returncode != 0
    assert written(tmp_path) == set()


@pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "working"])
def test_a_repository_without_a_hooks_folder_gets_one(
    type_in: Type, tmp_path: Path, *, is_bare: bool
) -> None:
    folder = tmp_path / "Ada's course"
    git(tmp_path, "init", "-q", "--template=", *["--bare"][:is_bare], str(folder))
    inside = "Ada's course/hooks" if is_bare else "Ada's course/.git/hooks"

    done = type_in(typed_of(folder))

    assert (done.returncode, done.stderr) == (0, "")
    assert written(tmp_path) == {f"{inside}/post-receive", f"{inside}/relaunch.secret"}
    modes = [
        (tmp_path / inside / name).stat().st_mode & 0o777
        for name in ("post-receive", "relaunch.secret")
    ]
    assert modes == [0o755, 0o600]


def test_a_shells_own_variables_lead_nowhere_else(
    type_in: Type, tmp_path: Path
) -> None:
    folder = a_repository(tmp_path / "course")
    other = a_repository(tmp_path / "other")

    done = type_in(
        typed_of(folder), GIT_DIR=str(other / ".git"), CDPATH=str(tmp_path / "other")
    )

    assert (done.returncode, done.stderr) == (0, "")
    inside = "course/.git/hooks"
    assert written(tmp_path) == {f"{inside}/post-receive", f"{inside}/relaunch.secret"}


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_hook_that_is_there_stays_as_it_is(
    type_in: Type, tmp_path: Path, kind: str
) -> None:
    folder = a_repository(tmp_path / "course")
    (folder / ".git" / "hooks").mkdir(exist_ok=True)
    there = folder / ".git" / "hooks" / "post-receive"
    if kind == "file":
        there.write_text("#!/bin/sh\nmail -s pushed ada@uni.test\n")
    else:
        there.symlink_to(tmp_path / "not-mounted-now")
    secret = there.with_name("relaunch.secret")
    secret.write_text("that of the hook which is there")

    done = type_in(typed_of(folder))

    assert done.returncode != 0
    assert "there is a hook already" in done.stderr
    assert secret.read_text() == "that of the hook which is there"
    if kind == "file":
        assert there.read_text() == "#!/bin/sh\nmail -s pushed ada@uni.test\n"
    else:
        assert there.is_symlink()
        assert not there.exists()


@pytest.mark.parametrize("by", ["core.hooksPath", "link"])
def test_hooks_that_repositories_share_are_left_alone(
    type_in: Type, tmp_path: Path, by: str
) -> None:
    folder, shared = a_repository(tmp_path / "course"), tmp_path / "shared"
    shared.mkdir()
    if by == "link":
        hooks = folder / ".git" / "hooks"
        if hooks.exists():
            shutil.rmtree(hooks)
        hooks.symlink_to(shared)
    else:
        git(folder, "config", "core.hooksPath", str(shared))

    done = type_in(typed_of(folder))

    assert done.returncode != 0
    assert "core.hooksPath" in done.stderr
    assert written(tmp_path) == set()


def test_a_hooks_path_that_leads_to_its_own_hooks_is_none(
    type_in: Type, tmp_path: Path
) -> None:
    folder = a_repository(tmp_path / "course")
    git(folder, "config", "core.hooksPath", str(folder / ".git" / "hooks"))

    done = type_in(typed_of(folder))

    assert (done.returncode, done.stderr) == (0, "")


def test_a_new_secret_replaces_that_of_its_own_hook_alone(
    type_in: Type, tmp_path: Path
) -> None:
    folder = a_repository(tmp_path / "course")
    type_in(typed_of(folder))
    secret = folder / ".git" / "hooks" / "relaunch.secret"
    secret.write_text("older")
    secret.chmod(0o644)

    done = type_in(typed_of(folder, rotated=True))

    assert (done.returncode, secret.read_text()) == (0, f"{SECRET}\n")
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.write_text("another's")
    secret.with_name("post-receive").write_text("#!/bin/sh\nanother\n")
    refused = type_in(typed_of(folder, rotated=True))
    assert refused.returncode != 0
    assert URL in refused.stderr
    assert secret.read_text() == "another's"


def test_a_program_in_a_folder_with_blanks_is_run_by_the_hook(
    type_in: Type, tmp_path: Path
) -> None:
    folder = a_repository(tmp_path / "Ada's course")
    tools = a_program(tmp_path / 'Ada\'s $tools `x` "y"')

    done = type_in(typed_of(folder), PATH=f"{tools}:{QUIET['PATH']}")

    assert (done.returncode, done.stderr) == (0, "")
    words = run_hook(folder)
    secret = folder / ".git" / "hooks" / "relaunch.secret"
    assert words == [
        *("push", "--stdin", "--repo", str(folder), "--to", URL),
        *("--secret-file", str(secret)),
    ]


@pytest.mark.parametrize(
    "before",
    ["alias relaunch='docker run relaunch'\n", "relaunch() { echo no; }\n"],
    ids=["alias", "function"],
)
def test_a_name_of_the_shell_alone_is_no_program(
    type_in: Type, tmp_path: Path, before: str
) -> None:
    folder = a_repository(tmp_path / "course")
    tools = a_program(tmp_path / "tools")

    type_in(before + typed_of(folder))

    hook = folder / ".git" / "hooks" / "post-receive"
    assert "exec 'relaunch' push --stdin" in hook.read_text()
    assert run_hook(folder, PATH=f"{tools}:{QUIET['PATH']}")[:2] == ["push", "--stdin"]


def a_program(folder: Path) -> Path:
    """Make a `relaunch` that prints the words it is given."""
    folder.mkdir()
    program = folder / "relaunch"
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    program.chmod(0o755)
    return folder


def run_hook(folder: Path, **env: str) -> list[str]:
    """Run the hook as git does, from the repository; return what it gave `relaunch`."""
    hook = folder / ".git" / "hooks" / "post-receive"
    done = subprocess.run(
        [hook], cwd=folder, env=QUIET | env, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def test_a_push_is_reported_by_hand_from_anywhere(
    type_in: Type, tmp_path: Path
) -> None:
    folder = a_repository(tmp_path / "Ada's course")
    tools = a_program(tmp_path / "tools")
    type_in(typed_of(folder))
    by_hand = setup_steps(hook_of(folder), URL)[-1].partition("\n")[2]

    done = type_in(by_hand, PATH=f"{tools}:{QUIET['PATH']}")

    words = done.stdout.splitlines()
    assert words[:5] == ["push", "--repo", str(folder), "--to", URL]
    assert (folder / words[-1]).read_text() == f"{SECRET}\n"
