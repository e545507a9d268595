"""Projects, users and API tokens of every store."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.hook import Secret
from service.domain.repository import Repository
from service.domain.rights.caller import (
    EVERYTHING,
    MemberRole,
    ProjectFilter,
    ProjectId,
    Scope,
    User,
    UserId,
)
from service.domain.rights.decision import Membership
from service.domain.rights.project import (
    DEFAULT_PROJECT,
    LinkedRepository,
    Project,
    Visibility,
)
from service.domain.rights.token import ApiToken, TokenId, digest_token
from service.domain.source import Access, Revision, Source, SourceId
from service.errors import ConflictError, NotFoundError
from service.ports.store import Cursor, PageRequest, Store
from tests.support.clock import NOW

ADA, EVE = UserId("ada-1"), UserId("eve-1")
MINUTE = timedelta(minutes=1)


def a_project(number: int = 1, **changes: object) -> Project:
    project = Project(
        id=ProjectId(f"01J{number:023}"),
        name=f"Course {number}",
        namespace="ada",
        slug=f"course-{number}",
        created_by=ADA,
        created_at=NOW + number * MINUTE,
        updated_at=NOW,
    )
    return replace(project, **changes)  # type: ignore[arg-type]


def a_token(number: int = 1, **changes: object) -> ApiToken:
    token = ApiToken(
        id=TokenId(f"01K{number:023}"),
        name="ci",
        prefix="rlt_abcdefgh",
        digest=digest_token(Secret(f"rlt_{number}")),
        user=ADA,
        is_admin=False,
        scope=Scope(),
        created_at=NOW + number * MINUTE,
        expires_at=NOW + 365 * timedelta(days=1),
    )
    return replace(token, **changes)  # type: ignore[arg-type]


async def add(store: Store, *projects: Project) -> None:
    async with store.transaction() as tx:
        for project in projects:
            await tx.projects.add(project)


async def listed(store: Store, visible: ProjectFilter, **more: object) -> list[str]:
    async with store.reading() as tx:
        found = await tx.projects.list(visible=visible, **more)  # type: ignore[arg-type]
    ids = [project.id for project in found if project.id != DEFAULT_PROJECT]
    return [f"{int(each[3:])}" for each in ids]


async def test_a_project_is_kept_whole(store: Store) -> None:
    project = a_project(
        visibility=Visibility.PUBLIC,
        description="Äpfel",
        documentation="# Read me",
        keywords=("a", "b"),
        is_template=True,
        secrets_mount_directory="/here",
        repositories=(
            LinkedRepository(url="https://forge.test/Ada/One.git", is_granted=True),
            LinkedRepository(
                url="https://forge.test/ada/two", is_granted=True, is_by_rule=True
            ),
            LinkedRepository(url="git@forge.test:ada/three"),
        ),
    )
    await add(store, project)

    async with store.reading() as tx:
        assert await tx.projects.get(project.id) == project
        assert await tx.projects.named("ada", "course-1") == project

    changed = replace(
        project, name="Other", slug="other", repositories=project.repositories[1:]
    )
    async with store.transaction() as tx:
        await tx.projects.save(changed)
    async with store.reading() as tx:
        assert await tx.projects.get(project.id) == changed
        with pytest.raises(NotFoundError):
            await tx.projects.named("ada", "course-1")


async def test_a_slug_is_one_projects_within_its_namespace(store: Store) -> None:
    await add(store, a_project(1), a_project(2))
    elsewhere = a_project(3, namespace="eve", slug="course-1")
    await add(store, elsewhere)

    for change in (a_project(4, slug="course-1"),):
        with pytest.raises(ConflictError, match="ada/course-1"):
            await add(store, change)
    with pytest.raises(ConflictError, match="ada/course-1"):
        async with store.transaction() as tx:
            await tx.projects.save(a_project(2, slug="course-1"))
    with pytest.raises(NotFoundError):
        async with store.transaction() as tx:
            await tx.projects.save(a_project(5))


async def test_lists_show_what_a_filter_lets_through(store: Store) -> None:
    await add(
        store,
        a_project(1),
        a_project(2, visibility=Visibility.PUBLIC),
        a_project(3),
        a_project(4, namespace="eve"),
    )
    async with store.transaction() as tx:
        await tx.projects.set_role(a_project(1).id, ADA, MemberRole.VIEWER)
        await tx.projects.set_role(a_project(3).id, ADA, MemberRole.EDITOR)

    member = ProjectFilter(member=ADA)
    editor = ProjectFilter(member=ADA, least=MemberRole.EDITOR)
    assert await listed(store, EVERYTHING) == ["4", "3", "2", "1"]
    assert await listed(store, member) == ["3", "2", "1"]
    assert await listed(store, editor) == ["3"]
    assert await listed(store, ProjectFilter()) == ["2"]
    assert await listed(store, ProjectFilter(member=EVE)) == ["2"]
    only = frozenset({a_project(1).id})
    assert await listed(store, replace(member, only=only)) == ["2", "1"]
    admin = ProjectFilter(member=EVE, is_admin=True, only=only)
    assert await listed(store, admin) == ["2", "1"]
    assert await listed(store, EVERYTHING, namespace="eve") == ["4"]
    assert await listed(store, member, namespace="eve") == []
    assert await listed(store, member, namespace="ada", slug="course-1") == ["1"]
    hidden = ProjectFilter(member=EVE)
    assert await listed(store, hidden, namespace="ada", slug="course-1") == []
    assert await listed(store, EVERYTHING, member=ADA) == ["3", "1"]

    async with store.reading() as tx:
        page = await tx.projects.list(PageRequest(limit=1), visible=member)
        last = page.items[-1]
        after = Cursor(at=last.created_at, id=last.id)
        rest = await tx.projects.list(PageRequest(after=after), visible=member)
    assert page.total == 3
    assert [each.slug for each in rest] == ["course-2", "course-1"]


async def test_projects_are_listed_by_their_last_change_where_asked_for(
    store: Store,
) -> None:
    later = NOW + MINUTE
    await add(store, a_project(1, updated_at=later), a_project(2), a_project(3))

    assert await listed(store, EVERYTHING, by_update=True) == ["1", "3", "2"]
    assert await listed(store, EVERYTHING) == ["3", "2", "1"]
    async with store.reading() as tx:
        page = PageRequest(offset=1, limit=1)
        (second,) = await tx.projects.list(
            page, namespace="ada", by_update=True, visible=EVERYTHING
        )
    assert second.id == a_project(3).id


async def test_members_have_the_last_role_that_they_were_given(store: Store) -> None:
    project = a_project()
    await add(store, project, a_project(2, visibility=Visibility.PUBLIC))
    async with store.transaction() as tx:
        await tx.users.save(User(id=ADA, username="ada", email="ada@example.org"))
        await tx.projects.set_role(project.id, EVE, MemberRole.OWNER)
        await tx.projects.set_role(project.id, ADA, MemberRole.OWNER)
        await tx.projects.set_role(project.id, ADA, MemberRole.VIEWER)

    async with store.reading() as tx:
        members = await tx.projects.members(project.id)
        given = await tx.projects.memberships(
            [project.id, a_project(2).id, ProjectId("nowhere")], ADA
        )
        anonymous = await tx.projects.memberships([project.id], None)
    # Who was never seen here has their id for a name.
    assert [(each.user.username, each.role) for each in members] == [
        (EVE, MemberRole.OWNER),
        ("ada", MemberRole.VIEWER),
    ]
    assert sorted(given, key=lambda each: each.project) == [
        Membership(project=project.id, is_public=False, role=MemberRole.VIEWER),
        Membership(project=a_project(2).id, is_public=True),
    ]
    assert anonymous == [Membership(project=project.id, is_public=False)]

    async with store.transaction() as tx:
        await tx.projects.remove_member(project.id, ADA)
        await tx.projects.remove_member(project.id, UserId("nobody"))
        assert [each.user.id for each in await tx.projects.members(project.id)] == [EVE]
        await tx.projects.remove(project.id)
        await tx.projects.remove(project.id)
    async with store.reading() as tx:
        assert await tx.projects.members(project.id) == []
        assert await tx.projects.memberships([project.id], EVE) == []


async def test_only_granted_projects_are_a_repositorys(store: Store) -> None:
    url = "https://forge.test/Ada/Secret"
    await add(
        store,
        a_project(1, repositories=(LinkedRepository(url=url, is_granted=True),)),
        a_project(2, repositories=(LinkedRepository(url=url),)),
    )

    async with store.reading() as tx:
        for spelled in (url, "https://FORGE.test/ada/secret.git/"):
            found = await tx.projects.of_repository(Repository.from_url(spelled))
            assert found == [a_project(1).id]
        other = Repository.from_url("https://forge.test:8443/ada/secret")
        assert await tx.projects.of_repository(other) == []


async def test_a_link_is_found_by_its_repository_and_added_behind_the_others(
    store: Store,
) -> None:
    url = "https://forge.test/Ada/Ätna"
    link = LinkedRepository(url=url)
    granted = LinkedRepository(url=f"{url}.git", is_granted=True)
    await add(store, a_project(1, repositories=(LinkedRepository(url="x"),)))
    repository = Repository.from_url("https://forge.test/ada/Ätna/")
    course = a_project(1).id
    async with store.transaction() as tx:
        assert await tx.projects.link_of(course, repository) is None
        await tx.projects.add_link(course, link, at=NOW + MINUTE)
        assert await tx.projects.link_of(course, repository) == link
        await tx.projects.add_link(course, granted, at=NOW + 2 * MINUTE)
        assert await tx.projects.link_of(course, repository) == granted
        with pytest.raises(NotFoundError):
            await tx.projects.link_of(ProjectId("nowhere"), repository)

    async with store.reading() as tx:
        project = await tx.projects.get(course)
    assert [each.url for each in project.repositories] == ["x", url, f"{url}.git"]
    assert project.updated_at == NOW + 2 * MINUTE


async def test_projects_are_unsettled_until_they_are_settled(store: Store) -> None:
    await add(store, a_project(1), a_project(2))
    async with store.transaction() as tx:
        assert await tx.projects.unsettled(limit=9) == []
        await tx.projects.mark_unsettled(a_project(2).id)
        await tx.projects.save(a_project(2, name="Renamed"))
        assert await tx.projects.unsettled(limit=9) == [a_project(2).id]
        await tx.projects.mark_settled(a_project(2).id)
        assert await tx.projects.unsettled(limit=9) == []


async def test_sources_of_two_accesses_are_two(store: Store) -> None:
    granted = Source(
        id=SourceId("S-1"),
        repository=Repository.from_url("https://forge.test/ada/secret"),
        revision=Revision.from_text(""),
        context_dir="",
        created_at=NOW,
    )
    public = replace(granted, id=SourceId("S-2"), access=Access.ANONYMOUS)
    async with store.transaction() as tx:
        for source in (granted, public):
            assert await tx.sources.find_or_add(source) == source
            again = replace(source, id=SourceId(f"{source.id}-again"))
            assert await tx.sources.find_or_add(again) == source
        await tx.sources.save_all([replace(public, generation=7)])

    async with store.reading() as tx:
        assert (await tx.sources.get(public.id)).access is Access.ANONYMOUS
        assert (await tx.sources.get(granted.id)).generation == 0


async def test_users_are_known_as_they_were_last_seen(store: Store) -> None:
    before = User(id=ADA, username="ada", email="a@b", first_name="A", last_name="L")
    now = replace(before, username="lovelace", email=None)
    async with store.transaction() as tx:
        await tx.users.save(before)
        await tx.users.save(now)

    async with store.reading() as tx:
        assert await tx.users.some([ADA, EVE]) == [now]
        assert await tx.users.some([]) == []


async def test_a_token_is_kept_whole_and_found_by_its_digest(store: Store) -> None:
    limited = a_token(
        is_admin=True,
        scope=Scope(
            role=MemberRole.EDITOR,
            projects=frozenset({a_project(1).id, a_project(2).id}),
            is_admin=True,
        ),
        expires_at=None,
    )
    none = a_token(2, scope=Scope(projects=frozenset()))
    async with store.transaction() as tx:
        await tx.tokens.add(limited)
        await tx.tokens.add(none)

    async with store.reading() as tx:
        assert await tx.tokens.get(limited.id) == limited
        assert await tx.tokens.by_digest(limited.digest) == limited
        # No project at all is not the same as every project.
        assert (await tx.tokens.get(none.id)).scope.projects == frozenset()
        for absent in (digest_token(Secret("rlt_other")), "", limited.digest[:-1]):
            with pytest.raises(NotFoundError) as caught:
                await tx.tokens.by_digest(absent)
            assert not absent or absent not in str(caught.value)
    with pytest.raises(ConflictError):
        async with store.transaction() as tx:
            await tx.tokens.add(limited)


async def test_tokens_are_listed_newest_first_and_revoked_once(store: Store) -> None:
    async with store.transaction() as tx:
        for number in (1, 2):
            await tx.tokens.add(a_token(number))
        await tx.tokens.add(a_token(3, user=EVE))
        await tx.tokens.touch(a_token(1).id, at=NOW + MINUTE)
        await tx.tokens.revoke(a_token(1).id, at=NOW + 2 * MINUTE)
        await tx.tokens.revoke(a_token(1).id, at=NOW + 9 * MINUTE)

    async with store.reading() as tx:
        own = await tx.tokens.list(user=ADA)
        everybody = await tx.tokens.list()
    assert [each.id for each in own] == [a_token(2).id, a_token(1).id]
    assert (own.total, everybody.total) == (2, 3)
    revoked = own.items[1]
    assert revoked.revoked_at == NOW + 2 * MINUTE
    assert revoked.last_used_at == NOW + MINUTE
    assert not revoked.is_valid(NOW)
    assert own.items[0].is_valid(NOW)
