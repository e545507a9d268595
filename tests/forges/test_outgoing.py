"""What is sent for a forge keeps the forge's own limits and habits."""

from dataclasses import replace
from typing import Any

from service.domain.hook import Proof
from service.domain.push import Push
from service.domain.repository import Ref, Repository
from service.forges.push_facts import repository_number
from service.forges.registry import FORGES
from tests.support.clock import NOW
from tests.support.deliveries import (
    EVERY_WAY,
    Way,
    a_commit,
    a_hook,
    a_push,
    parse,
    payload_of,
    some_facts,
)


def commits_of(proof: Proof, **facts: Any) -> list[dict[str, Any]]:
    payload: dict[str, Any] = payload_of(a_push(a_hook(proof), some_facts(**facts)))
    commits: list[dict[str, Any]] = payload["commits"]
    return commits


@EVERY_WAY
def test_what_is_sent_proves_itself_and_is_read_back(way: Way) -> None:
    hook = a_hook(way)
    facts = some_facts(ref=Ref("refs/heads/feature/ü"))
    delivery = a_push(hook, facts).arrived()

    FORGES[hook.forge].codec.verify(hook, delivery, NOW)
    push = parse(hook, delivery)

    assert isinstance(push, Push)
    assert (push.repository, push.ref) == (facts.repository, facts.ref)
    assert (push.before, push.after) == (facts.before, facts.after)


def test_github_lists_two_thousand_and_forty_eight_commits() -> None:
    assert len(commits_of(Proof.HMAC, commits=[a_commit()] * 3000)) == 2048


def test_github_lists_three_thousand_files_of_a_commit() -> None:
    files = tuple(f"f{number}" for number in range(4000))

    (commit,) = commits_of(Proof.HMAC, commits=[a_commit(added=files)])

    assert len(commit["added"]) == 3000


def test_gitlab_lists_the_newest_twenty_commits_oldest_first() -> None:
    commits = [a_commit(f"{number:040x}") for number in range(1, 31)]
    payload = payload_of(
        a_push(a_hook(Proof.SECRET_TOKEN), some_facts(commits=commits))
    )

    listed = commits_of(Proof.SECRET_TOKEN, commits=commits)

    assert [entry["id"] for entry in listed] == [commit.id for commit in commits[-20:]]
    assert payload["total_commits_count"] == 30


def test_a_repository_without_a_forge_has_a_number_that_stays() -> None:
    local = Repository.from_url("file:///srv/git/course.git")
    other = replace(local, url="file:///srv/git/other.git")

    assert repository_number(local) == repository_number(replace(local))
    assert 0 < repository_number(local) < 2**53
    assert repository_number(local) != repository_number(other)


def test_a_file_name_that_is_no_unicode_can_be_sent() -> None:
    commits = commits_of(Proof.HMAC, commits=[a_commit(added=("caf\udce9.txt",))])

    assert commits[0]["added"] == ["caf?.txt"]
