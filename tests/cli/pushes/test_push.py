"""`relaunch push` from real repositories, read back by the codecs."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.push import Push
from service.domain.repository import Repository
from service.forges.registry import FORGES
from tests.cli.conftest import Run
from tests.cli.repositories import a_repository, commit, git
from tests.cli.standin import Asked, StandIn
from tests.support.deliveries import EVERY_WAY, Way, parse

GITHUB = Way(Forge.GITHUB, Proof.HMAC)
SIGNING = "whsec_" + "c2lnbmluZy1rZXktb2YtdGhlLXRlc3RzLTMyLWI="
ZEROS = "0" * 40


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return a_repository(tmp_path / "course")


def read(asked: Asked, repository: Path, way: Way, secret: str) -> Push:
    """Verify and parse what arrived, as the receiver would."""
    now = datetime.now(UTC)  # noqa: TID251 - the command signs the real time
    hook = Hook(
        id=HookId("h"),
        forge=way.forge,
        proof=way.proof,
        repository=Repository.from_url(repository.as_uri()),
        secrets=(Secret(secret),),
        created_at=now,
    )
    delivery = Delivery(
        headers=CIMultiDict(asked.headers),
        body=asked.body,
        received_at=now,
    )
    FORGES[way.forge].codec.verify(hook, delivery, now)
    found = parse(hook, delivery)
    assert isinstance(found, Push)
    return found


@EVERY_WAY
def test_the_newest_commit_of_a_repository_that_never_pushed_is_sent(
    run: Run, server: StandIn, repository: Path, way: Way
) -> None:
    secret = SIGNING if way.proof is Proof.SIGNING_TOKEN else "s3cret"
    path = f"/webhooks/{way.forge.value}/h"
    before = commit(repository, "one", a="1")
    after = commit(repository, "two", b="2")

    to = f"--to={server.url}{path}"
    said = run("push", f"--repo={repository}", to, WEBHOOK_SECRET=secret)

    assert said.exit_code == 0, said.output
    assert secret not in said.output
    (asked,) = server.asked
    assert asked.path == path
    push = read(asked, repository, way, secret)
    assert (push.ref, push.before, push.after) == ("refs/heads/main", before, after)
    assert push.default_branch in {"main", None}
    if way.forge is Forge.GITHUB:
        assert touched(server) == {"b"}


def send(run: Run, server: StandIn, repository: Path, *words: str, **kw: str) -> Push:
    said = run(
        "push",
        f"--repo={repository}",
        f"--to={server.url}/webhooks/github/h",
        *words,
        WEBHOOK_SECRET="s3cret",
        **kw,
    )
    assert said.exit_code == 0, said.output
    return read(server.asked[-1], repository, GITHUB, "s3cret")


def body(server: StandIn) -> dict[str, object]:
    content: object = json.loads(server.asked[-1].body)
    assert isinstance(content, dict)
    return content


def touched(server: StandIn) -> set[str]:
    commits: Any = body(server)["commits"]
    return {
        name
        for commit in commits
        for key in ("added", "removed", "modified")
        for name in commit.get(key, ())
    }


def test_the_first_commit_is_a_new_branch(
    run: Run, server: StandIn, repository: Path
) -> None:
    after = commit(repository, "one", a="1")

    push = send(run, server, repository)

    assert (push.before, push.after) == (ZEROS, after)
    assert body(server)["created"] is True


def test_a_clone_that_pushed_sends_what_it_pushed_last(
    run: Run, server: StandIn, tmp_path: Path
) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "-bmain", "bare.git")
    git(tmp_path, "clone", "--quiet", "bare.git", "work")
    work = tmp_path / "work"
    git(work, "symbolic-ref", "HEAD", "refs/heads/main")
    commit(work, "one", a="1")
    git(work, "push", "--quiet", "-u", "origin", "main")
    before = git(work, "rev-parse", "HEAD")
    commit(work, "two", b="2")
    after = commit(work, "three", a=None, c="3")
    git(work, "push", "--quiet")
    commit(work, "not pushed yet", d="4")

    push = send(run, server, work)

    assert (push.before, push.after) == (before, after)
    assert touched(server) == {"a", "b", "c"}


def test_a_rename_and_odd_names_and_messages_arrive_whole(
    run: Run, server: StandIn, repository: Path
) -> None:
    commit(repository, "one", a="content enough to be told apart\n" * 5)
    git(repository, "mv", "a", "b")
    commit(repository, "two\n\n- M\tx\n", **{"Ünï cödé": "1", "x\ty": "2"})

    send(run, server, repository)

    assert touched(server) == {"a", "b", "Ünï cödé", "x\ty"}
    head = body(server)["head_commit"]
    assert isinstance(head, dict)
    assert head["message"] == "two\n\n- M\tx\n"


def test_a_merge_is_told_by_what_it_brought_to_the_branch(
    run: Run, server: StandIn, repository: Path
) -> None:
    commit(repository, "one", a="1")
    git(repository, "checkout", "--quiet", "-b", "feature/x")
    commit(repository, "two", b="2")
    git(repository, "checkout", "--quiet", "main")
    before = commit(repository, "three", c="3")
    git(repository, "merge", "--quiet", "--no-edit", "feature/x")

    push = send(run, server, repository)

    assert push.before == before
    assert touched(server) == {"b"}


def test_a_branch_with_a_slash_is_named_in_full(
    run: Run, server: StandIn, repository: Path
) -> None:
    commit(repository, "one", a="1")
    git(repository, "checkout", "--quiet", "-b", "feature/x")
    commit(repository, "two", b="2")
    git(repository, "checkout", "--quiet", "main")

    assert send(run, server, repository, "--ref", "feature/x").ref == (
        "refs/heads/feature/x"
    )


def test_a_force_push_says_so(run: Run, server: StandIn, repository: Path) -> None:
    commit(repository, "one", a="1")
    before = commit(repository, "two", b="2")
    git(repository, "reset", "--quiet", "--hard", "HEAD~1")
    after = commit(repository, "other", c="3")

    push = send(run, server, repository, "--before", before, "--after", after)

    assert (push.before, push.after) == (before, after)
    assert body(server)["forced"] is True


def test_a_deleted_branch_is_sent_with_zeros(
    run: Run, server: StandIn, repository: Path
) -> None:
    before = commit(repository, "one", a="1")

    push = send(
        run,
        server,
        repository,
        "--ref=refs/heads/gone",
        f"--before={before}",
        f"--after={ZEROS}",
    )

    assert push.is_deletion
    assert body(server)["head_commit"] is None


def test_every_line_of_a_post_receive_hook_is_a_delivery(
    run: Run, server: StandIn, repository: Path, tmp_path: Path
) -> None:
    one = commit(repository, "one", a="1")
    two = commit(repository, "two", b="2")
    git(repository, "tag", "-a", "v1", "-m", "first")
    tag = git(repository, "rev-parse", "v1")
    key = tmp_path / "key"
    key.write_text("s3cret\n")

    said = run(
        "push",
        "--stdin",
        f"--repo={repository}",
        f"--to={server.url}/webhooks/github/h",
        f"--secret-file={key}",
        stdin=f"{one} {two} refs/heads/main\n{ZEROS} {tag} refs/tags/v1\n",
    )

    assert said.exit_code == 0, said.output
    first, second = (
        read(request, repository, GITHUB, "s3cret") for request in server.asked
    )
    assert (first.ref, first.before, first.after) == ("refs/heads/main", one, two)
    assert second.ref == "refs/tags/v1"
    ids = {request.headers["x-github-delivery"] for request in server.asked}
    assert len(ids) == 2


def test_it_speaks_for_another_repository_when_asked(
    run: Run, server: StandIn, repository: Path
) -> None:
    commit(repository, "one", a="1")
    url = "https://github.com/me/course"

    said = run(
        "push",
        f"--repo={repository}",
        f"--to={server.url}/hook",
        "--forge=github",
        f"--as={url}",
        WEBHOOK_SECRET="s",
    )

    assert said.exit_code == 0
    told = body(server)["repository"]
    assert isinstance(told, dict)
    assert (told["full_name"], told["clone_url"]) == ("me/course", url)


def test_a_refusal_of_the_receiver_is_a_failure(
    run: Run, server: StandIn, repository: Path
) -> None:
    commit(repository, "one", a="1")
    server.status, server.body = 401, b'{"error": {"message": "no"}}'

    said = run(
        "push",
        f"--repo={repository}",
        f"--to={server.url}/webhooks/github/h",
        WEBHOOK_SECRET="wrong",
    )

    assert said.exit_code == 1
    assert ": 401 " in said.output


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param(("/webhooks/github/h",), 3, "no relaunch service", id="nobody"),
        pytest.param(("/hook",), 2, "give --forge", id="no forge"),
        pytest.param(
            ("/webhooks/github/h", "--ref=x"), 1, "no branch or tag 'x'", id="no ref"
        ),
        pytest.param(
            ("/webhooks/github/h", "--before=abc12"), 1, "no 'abc12'", id="no commit"
        ),
    ],
)
def test_what_cannot_be_sent_is_told(
    run: Run, repository: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    commit(repository, "one", a="1")
    path, *rest = words
    to = f"--to=http://127.0.0.1:9{path}"

    said = run("push", f"--repo={repository}", to, *rest, WEBHOOK_SECRET="s")

    assert said.exit_code == code
    assert told in said.output


def test_a_target_that_is_no_url_is_wrong_usage(run: Run, repository: Path) -> None:
    said = run("push", f"--repo={repository}", "--to=ftp://x", WEBHOOK_SECRET="s")

    assert said.exit_code == 2
    assert "no URL of a hook" in said.output


def test_without_a_secret_nothing_is_sent(
    run: Run, server: StandIn, repository: Path
) -> None:
    to = f"--to={server.url}/webhooks/github/h"

    said = run("push", f"--repo={repository}", to, WEBHOOK_SECRET="")

    assert said.exit_code == 2
    assert "secret is missing" in said.output
    assert server.asked == []


def test_a_folder_without_a_repository_is_told(
    run: Run, server: StandIn, tmp_path: Path
) -> None:
    said = run(
        "push",
        f"--repo={tmp_path}",
        f"--to={server.url}/webhooks/github/h",
        WEBHOOK_SECRET="s",
    )

    assert said.exit_code == 1
    assert "is no git repository" in said.output


def test_an_empty_repository_has_nothing_to_send(
    run: Run, server: StandIn, repository: Path
) -> None:
    said = run(
        "push",
        f"--repo={repository}",
        f"--to={server.url}/webhooks/github/h",
        WEBHOOK_SECRET="s",
    )

    assert said.exit_code == 1
    assert "there is no 'refs/heads/main'" in said.output


def test_a_worktree_s_git_file_is_followed(
    run: Run, server: StandIn, repository: Path, tmp_path: Path
) -> None:
    commit(repository, "one", a="1")
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(tree))
    after = commit(tree, "two", b="2")

    assert send(run, server, tree).after == after
