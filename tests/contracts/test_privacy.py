"""What every remote says of who may read a repository."""

from pathlib import Path

import pytest

from service.adapters.git.remote import GitRemote
from service.domain.repository import Repository
from service.domain.source import Head, Revision
from tests.support.apis import an_api, forges_of
from tests.support.forge import Vendor, a_forge
from tests.support.repos import Repo

VENDORS: list[Vendor] = ["github", "gitlab", "gitea"]
REVISIONS = (None, "main", "v1", "a" * 40)

each_vendor = pytest.mark.parametrize("vendor", VENDORS)


@each_vendor
@pytest.mark.parametrize("visibility", ["public", "internal", "private"])
async def test_a_forge_is_believed_for_whatever_is_followed(
    vendor: Vendor, visibility: str, tmp_path: Path
) -> None:
    async with a_forge(tmp_path, vendor=vendor) as forge, an_api(forge) as remote:
        hosted = forge.create("owner/name", visibility=visibility)
        hosted.bare.tag("v1", hosted.bare.commit({"a": "1"}))
        repository = Repository.from_url(hosted.url)

        for revision in REVISIONS:
            head = await remote.head(repository, Revision.from_text(revision))

            assert isinstance(head, Head)
            assert head.is_private is (visibility != "public"), revision


@each_vendor
async def test_a_change_is_seen_at_the_next_question(
    vendor: Vendor, tmp_path: Path
) -> None:
    async with a_forge(tmp_path, vendor=vendor) as forge, an_api(forge) as remote:
        hosted = forge.create("owner/name", files={"a": "1"})
        repository = Repository.from_url(hosted.url)
        said = []
        for visibility in ("public", "private", "public"):
            forge.set_visibility(hosted, visibility)
            head = await remote.head(repository, Revision.from_text(None))
            assert isinstance(head, Head)
            said.append(head.is_private)

    assert said == [False, True, False]


async def test_code_that_only_members_of_a_public_project_read_is_private(
    tmp_path: Path,
) -> None:
    """https://docs.gitlab.com/api/projects/: `repository_access_level`."""
    async with a_forge(tmp_path, vendor="gitlab") as forge, an_api(forge) as remote:
        hosted = forge.create("owner/name", files={"a": "1"})
        hosted.code_for = "private"
        repository = Repository.from_url(hosted.url)

        head = await remote.head(repository, Revision.from_text(None))

    assert isinstance(head, Head)
    assert head.is_private


async def test_what_a_forge_shows_without_a_token_is_public(tmp_path: Path) -> None:
    """GitLab does not tell the visibility to whoever is not signed in."""
    async with (
        a_forge(tmp_path, vendor="gitlab") as forge,
        forges_of(forge, tokens="") as forges,
    ):
        hosted = forge.create("owner/name", files={"a": "1"})
        remote = forges.remote(forge.host)
        assert remote is not None

        head = await remote.head(
            Repository.from_url(hosted.url), Revision.from_text(None)
        )

    assert isinstance(head, Head)
    assert head.is_private is False


async def test_what_git_reads_without_credentials_is_public(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"a": "1"})
    remote = GitRemote(environment={}, allow_files=True)

    for revision in (None, "main", "a" * 40):
        head = await remote.head(repo.repository, Revision.from_text(revision))

        assert isinstance(head, Head)
        assert head.is_private is False
