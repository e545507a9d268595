"""What git prints of a requirement's repository, as pip and uv show it."""

# ruff: noqa: RUF001 - the signs are the tools' own

import pytest

from service.build_failures.classify import classify
from service.domain.building.failure import Failure, FailureClass as C

FILES = {
    "requirements.txt": "six\ndemo @ git+https://forge.test/o/r.git@v9\n",
}
UV = """\
   Updating https://forge.test/o/r.git (v9)
error: Failed to download and build `demo @ git+https://forge.test/o/r.git@v9`
  cause: Git operation failed
  cause: failed to clone into: /tmp/.tmp67kA3E/git-v2/db/5d638c2660d67698
  cause: {what}process didn't exit successfully: `/usr/bin/git fetch --force \
--update-head-ok 'https://forge.test/o/r.git' '+HEAD:refs/remotes/origin/HEAD'` \
(exit status: 128)
         --- stderr
         {words}"""
UV_WRAPPED = """\
   Updating https://forge.test/o/r.git (v9)
  × Failed to download and build `demo @
  │ git+https://forge.test/o/r.git@v9`
  ├─▶ Git operation failed
  ├─▶ failed to clone into: /tmp/.tmp67kA3E/git-v0/db/5d638c2660d67698
  ╰─▶ process didn't exit successfully: `/usr/bin/git fetch
      --force --update-head-ok 'https://forge.test/o/r.git'
      '+HEAD:refs/remotes/origin/HEAD'` (exit status: 128)
      --- stderr
      {words}
"""
PIP = """\
Collecting demo @ git+https://forge.test/o/r.git@v9 (from -r requirements.txt (line 2))
  Cloning https://forge.test/o/r.git (to revision v9) to /tmp/pip-install-x/demo_1
  Running command git {command}
  {words}
  error: subprocess-exited-with-error

  × git {command} did not run successfully.
  │ exit code: 128
  ╰─> No available output.

  note: This error originates from a subprocess, and is likely not a problem with pip.
ERROR: Failed to build 'demo' when git {command}"""
OLD_PIP = """\
Collecting demo@ git+https://forge.test/o/r.git@v9 (from -r requirements.txt (line 2))
  Cloning https://forge.test/o/r.git (to revision v9) to /tmp/pip-install-x/demo_1
  Running command git {command}
  {words}
  error: subprocess-exited-with-error

  × git {command} did not run successfully.
  │ exit code: 128
  ╰─> See above for output.

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: subprocess-exited-with-error

× git {command} did not run successfully.
│ exit code: 128
╰─> See above for output.

note: This error originates from a subprocess, and is likely not a problem with pip."""
LOGGED_PIP = """\
Collecting demo @ git+https://forge.test/o/r.git@v9 (from -r requirements.txt (line 2))
  Cloning https://forge.test/o/r.git (to revision v9) to /tmp/pip-install-x/demo_1
2026-11-29T11:12:44,100   Running command git {command}
2026-11-29T11:12:44,227   {words}
  error: subprocess-exited-with-error
  × git {command} did not run successfully.
  │ exit code: 128
  ╰─> No available output.
ERROR: Failed to build 'demo' when git {command}"""
CLONE = "clone --filter=blob:none --quiet https://forge.test/o/r.git /tmp/demo_1"
SHOWN = {
    "uv": UV.format(what="", words="{words}"),
    "uv 0.6": UV_WRAPPED,
    "pip": PIP.format(command=CLONE, words="{words}"),
    "pip 23": OLD_PIP.format(command=CLONE, words="{words}"),
    "pip's log": LOGGED_PIP.format(command=CLONE, words="{words}"),
}
PRIVATE = "the repository of `demo` is private, or not there"
BY_SSH = "git is to reach the repository of `demo` by ssh, for which builds have no key"
UNREACHABLE = (
    "a server could not be reached, or did not answer as it should: forge.test"
)


def classified(text: str, phase: str = "build") -> Failure:
    return classify(phase=phase, lines=text.splitlines(), code=1, files=FILES)


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        pytest.param(
            "fatal: could not read Username for 'https://forge.test': terminal\n"
            "      prompts disabled",
            C.CLONE_FAILED,
            PRIVATE,
            id="401",
        ),
        pytest.param(
            "fatal: unable to access 'https://forge.test/o/r.git/': The\n"
            "      requested URL returned error: 403",
            C.CLONE_FAILED,
            PRIVATE,
            id="403",
        ),
        pytest.param(
            "fatal: repository 'https://forge.test/o/r.git/' not found",
            C.CLONE_FAILED,
            "the repository of `demo` is not there",
            id="404",
        ),
        pytest.param(
            "Host key verification failed.\n"
            "      fatal: Could not read from remote repository.\n\n"
            "      Please make sure you have the correct access rights\n"
            "      and the repository exists.",
            C.CLONE_FAILED,
            BY_SSH,
            id="host key",
        ),
        pytest.param(
            "git@forge.test: Permission denied (publickey).\n"
            "      fatal: Could not read from remote repository.",
            C.CLONE_FAILED,
            BY_SSH,
            id="key",
        ),
        pytest.param(
            "Error downloading object: a.bin (1234567): Smudge error: Error "
            "downloading a.bin: batch response: This repository is over its data\n"
            "      quota.\n      fatal: a.bin: smudge filter lfs failed",
            C.CLONE_FAILED,
            "files of the repository of `demo` could not be fetched from Git LFS",
            id="Git LFS",
        ),
        pytest.param(
            "fatal: something nobody has seen",
            C.CLONE_FAILED,
            "the repository of `demo` could not be cloned",
            id="anything",
        ),
    ],
)
def test_a_repository_that_does_not_let_a_build_in(
    shown: str, words: str, kind: C, message: str
) -> None:
    failure = classified(shown.format(words=words))

    assert failure.kind is kind
    assert failure.message == f"requirements.txt line 2: {message}"


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("status", ["408", "429", "503"])
def test_a_forge_that_asks_for_patience_is_asked_again(shown: str, status: str) -> None:
    words = (
        "fatal: unable to access 'https://forge.test/o/r.git/': The requested URL "
        f"returned error: {status}"
    )
    of_clone = classified(words, phase="clone")
    failure = classified(shown.format(words=words))

    assert (failure.kind, failure.message) == (C.NETWORK, UNREACHABLE)
    assert of_clone.kind is C.NETWORK


SHA = "a" * 40
MISSING = {
    "uv": UV.format(
        what="failed to fetch branch or tag `v9`\n  cause: ",
        words="fatal: couldn't find remote ref refs/tags/v9",
    ),
    "uv 0.6": UV_WRAPPED.replace(
        "  ╰─▶", "  ├─▶ failed to fetch branch or tag\n  │   `v9`\n  ╰─▶"
    ).format(words="fatal: couldn't find remote ref\n      refs/tags/v9"),
    "pip": PIP.format(
        command="checkout -q v9",
        words="error: pathspec 'v9' did not match any file(s) known to git",
    ),
    "pip 23": OLD_PIP.format(
        command="checkout -q v9",
        words="error: pathspec 'v9' did not match any file(s) known to git",
    ),
    "pip's log": LOGGED_PIP.format(
        command="checkout -q v9",
        words="error: pathspec 'v9' did not match any file(s) known to git",
    ),
    "uv, commit": UV.format(
        what=f"failed to fetch commit `{SHA}`\n  cause: ",
        words=f"fatal: remote error: upload-pack: not our ref {SHA}",
    ).replace("v9", SHA),
    "pip, commit": PIP.format(
        command=f"fetch -q https://forge.test/o/r.git {SHA}",
        words=f"fatal: remote error: upload-pack: not our ref {SHA}",
    ).replace("v9", SHA),
    "uv, short": """\
  × Failed to download and build `demo @ git+https://forge.test/o/r.git@v9`
  ├─▶ Git operation failed
  ├─▶ failed to find branch, tag, or commit `v9`
  ╰─▶ process didn't exit successfully: `/usr/bin/git rev-parse 'v9^0'`
      (exit status: 128)
      --- stdout
      v9^0

      --- stderr
      fatal: ambiguous argument 'v9^0': unknown revision or path not in
      the working tree.""",
}


@pytest.mark.parametrize("shown", MISSING.values(), ids=MISSING)
def test_a_tag_or_commit_that_is_not_there_is_named(shown: str) -> None:
    ref = SHA if SHA in shown else "v9"
    failure = classified(shown)

    assert failure.kind is C.NO_SUCH_VERSION
    assert failure.message == (
        "requirements.txt line 2: the repository of `demo` has no branch, tag or "
        f"commit `{ref}`"
    )


def test_a_tag_that_nobody_could_look_for_may_be_there() -> None:
    words = "fatal: repository 'https://forge.test/o/r.git/' not found"
    shown = UV.format(what="failed to fetch branch or tag `v9`\n  cause: ", words=words)

    assert classified(shown).kind is C.CLONE_FAILED


@pytest.mark.parametrize("space", [" ", "\n      "])
def test_a_subdirectory_that_is_not_there_is_named(space: str) -> None:
    failure = classified(
        "error: Failed to download and build `demo @ git+https://forge.test/o/r.git@v9"
        "#subdirectory=nope`\n  cause: The source distribution "
        "`git+https://forge.test/o/r.git@v9#subdirectory=nope`"
        f"{space}has no subdirectory{space}`nope`"
    )

    assert failure.kind is C.BAD_DEFINITION
    assert failure.message == (
        "requirements.txt line 2: there is no `nope` in the repository of "
        "`git+https://forge.test/o/r.git@v9`"
    )


def test_a_requirement_without_a_name_is_its_url() -> None:
    failure = classified(
        "error: Git operation failed\n"
        "  cause: failed to clone into: /tmp/.tmpnHQq1k/git-v2/db/7600f6183889b412\n"
        "  cause: process didn't exit successfully: `/usr/bin/git fetch --force "
        "--update-head-ok 'https://forge.test/o/r.git' '+HEAD:refs/x/HEAD'`\n"
        "         --- stderr\n"
        "         fatal: repository 'https://forge.test/o/r.git/' not found"
    )

    assert failure.kind is C.CLONE_FAILED
    assert failure.message == (
        "requirements.txt line 2: the repository of `https://forge.test/o/r.git` is "
        "not there"
    )


@pytest.mark.parametrize(
    "words",
    [
        (
            "ERROR: Cannot find command 'git' - do you have 'git' installed and in "
            "your PATH?"
        ),
        (
            "  cause: Git operation failed\n"
            "  cause: Git executable not found. Ensure that Git is installed."
        ),
    ],
    ids=["pip", "uv"],
)
def test_a_machine_without_git_is_the_operators(words: str) -> None:
    assert classified(words).kind is C.INTERNAL


def test_files_over_the_quota_of_git_lfs_fail_the_clone() -> None:
    failure = classified(
        "Error downloading object: a.bin (1234567): Smudge error: Error downloading "
        "a.bin: batch response: This repository is over its data quota. Account "
        "responsible for LFS bandwidth should purchase more data packs.\n"
        "error: external filter 'git-lfs filter-process' failed\n"
        "fatal: a.bin: smudge filter lfs failed",
        phase="clone",
    )

    assert failure.kind is C.CLONE_FAILED
    assert "Git LFS" in failure.message
