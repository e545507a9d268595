"""Hosts of which nothing is public."""

from pathlib import Path

import pytest

from service.adapters.git.remote import GitRemote
from service.adapters.members_only import MembersOnly
from service.domain.evaluation.comparison import RefMissing
from service.domain.source import Head, Revision
from tests.support.repos import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "course.git")


async def test_every_repository_of_such_a_host_is_private(repo: Repo) -> None:
    repo.commit({"a": "1"})
    git = GitRemote(environment={}, allow_files=True)
    asked = Revision.from_text("main")

    for hosts, is_private in (({"LocalHost"}, True), ({"elsewhere"}, False)):
        remote = MembersOnly(git, hosts=hosts)
        head = await remote.head(repo.repository, asked)
        heads = await remote.heads(repo.repository, [asked])

        for value in (head, heads[asked]):
            assert isinstance(value, Head)
            assert value.is_private is is_private


async def test_a_ref_that_is_gone_stays_gone(repo: Repo) -> None:
    git = GitRemote(environment={}, allow_files=True)
    remote = MembersOnly(git, hosts={"localhost"})

    gone = await remote.head(repo.repository, Revision.from_text("gone"))

    assert isinstance(gone, RefMissing)
