"""A private project with one of everything, and callers of every role."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from service.domain.delivery import DeliveryId, Forge
from service.domain.evaluation.comparison import EvaluationId
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.notifications.channel import ChannelId
from service.domain.repository import Repository
from service.domain.rights.caller import (
    INSTALLATION,
    MemberRole,
    ProjectId,
    Scope,
    User,
    UserId,
)
from service.domain.rights.project import LinkedRepository, Project, Visibility
from service.domain.rights.token import (
    ApiToken,
    TokenId,
    compose_token,
    digest_token,
    visible_part,
)
from service.ports.store import DeliveryRecord
from tests.domain.test_notification import a_channel
from tests.support.api import TOKEN
from tests.support.values import an_evaluation
from tests.support.world import World

ROLES = (MemberRole.VIEWER, MemberRole.EDITOR, MemberRole.OWNER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Populated:
    """Ids of what a project holds, by the names of routes' parameters."""

    project: Project
    ids: Mapping[str, str]
    tokens: Mapping[str, str | None]
    """By caller; None for anonymous ones."""


async def populate(
    world: World, repository: Repository, *, visibility: Visibility = Visibility.PRIVATE
) -> Populated:
    """Fill a project, and make members with tokens."""
    project = Project(
        id=ProjectId(world.ids.new()),
        name="Course",
        namespace="ada",
        slug="course",
        created_by=INSTALLATION,
        created_at=world.clock.now(),
        updated_at=world.clock.now(),
        visibility=visibility,
        repositories=(LinkedRepository(url=repository.url, is_granted=True),),
    )
    async with world.store.transaction() as tx:
        await tx.projects.add(project)
    launcher_id = await world.follow(
        repository, project=project.id, environment=world.ids.new()
    )
    await world.settle()
    async with world.store.reading() as tx:
        launcher = await tx.launchers.get(launcher_id)
        (rebuild,) = await tx.rebuilds.of_environment(launcher.environment_id, limit=9)
    assert launcher.source_id is not None
    ids = {
        "project_id": project.id,
        "namespace": project.namespace,
        "slug": project.slug,
        "launcher_id": launcher.id,
        "environment_id": launcher.environment_id,
        "build_id": rebuild.id,
        "source_id": launcher.source_id,
        "delivery_id": await _deliver(world, launcher.source_id, repository),
        "hook_id": "hook-1",
        "member_id": "viewer-user",
        "letter_id": "1",
        "pool_id": "1",
        "class_id": "1",
        "token_id": "0" * 26,
        "channel_id": await _channel(world, project.id),
    }
    tokens = {role.value: await member(world, project.id, role) for role in ROLES}
    outsider = await token_of(world, User(id=UserId("outsider"), username="eve"))
    ada, now = User(id=UserId("owner-user"), username="owner"), world.clock.now()
    callers = {
        "anonymous": None,
        "admin": TOKEN,
        "bad": "rlt_wrong",
        "expired": await token_of(world, ada, expires_at=now - timedelta(days=1)),
        "revoked": await token_of(world, ada, revoked_at=now),
    }
    return Populated(
        project=project, ids=ids, tokens=tokens | callers | {"outsider": outsider}
    )


async def add_project(world: World, project: str) -> None:
    """Add a project of the installation's, without anything."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        await tx.projects.add(
            Project(
                id=ProjectId(project),
                name="Another",
                namespace="installation",
                slug=project.lower(),
                created_by=INSTALLATION,
                created_at=now,
                updated_at=now,
            )
        )


async def _channel(world: World, project: ProjectId) -> str:
    channel = a_channel(id=ChannelId(world.ids.new()), project=project)
    async with world.store.transaction() as tx:
        await tx.notifications.add_channel(channel)
    return channel.id


async def _deliver(world: World, source: str, repository: Repository) -> str:
    """Record a delivery that had the source evaluated, and the hook it came by."""
    delivery = DeliveryId("d-" + "a" * 24)
    now = world.clock.now()
    record = DeliveryRecord(
        id=delivery,
        hook_id=HookId("hook-1"),
        forge_delivery_id=None,
        event="push",
        status="accepted",
        reason="tracked",
        message="",
        repository=repository.path,
        ref="refs/heads/main",
        before="a" * 40,
        after="b" * 40,
        headers={"X-GitHub-Event": "push"},
        received_at=now - timedelta(hours=1),
    )
    hook = Hook(
        id=HookId("hook-1"),
        forge=Forge.GITHUB,
        proof=Proof.HMAC,
        repository=repository,
        secrets=(Secret("a secret of a hook"),),
        created_at=now,
    )
    evaluation = an_evaluation(
        id=EvaluationId(world.ids.new()), source_id=source, delivery_ids=(delivery,)
    )
    async with world.store.transaction() as tx:
        await tx.hooks.add(hook)
        await tx.deliveries.record([record])
        await tx.evaluations.add(evaluation)
    return delivery


async def member(world: World, project: ProjectId, role: MemberRole) -> str:
    """Give a new user a role; return their token."""
    user = User(id=UserId(f"{role.value}-user"), username=role.value)
    async with world.store.transaction() as tx:
        await tx.projects.set_role(project, user.id, role)
    return await token_of(world, user)


async def token_of(world: World, user: User, **changes: object) -> str:
    """Return an API token of a user, with the scope of everything they may."""
    text = compose_token(secrets.token_urlsafe(32))
    now = world.clock.now()
    token = ApiToken(
        id=TokenId(world.ids.new()),
        name="test",
        prefix=visible_part(text),
        digest=digest_token(text),
        user=user.id,
        is_admin=False,
        scope=Scope(),
        created_at=now,
        expires_at=now + timedelta(days=36_500),
    )
    async with world.store.transaction() as tx:
        await tx.users.save(user)
        await tx.tokens.add(replace(token, **changes))  # type: ignore[arg-type]
    return text.reveal()
