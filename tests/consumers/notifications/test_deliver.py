"""Events reach webhooks and mailboxes: a real HTTP server and a real SMTP server."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from consumers.notifications.deliver import NotificationDeliverer
from consumers.notifications.enqueue import NotificationEnqueuer
from consumers.subscriptions import NOTIFICATION
from service.adapters.egress import ANYWHERE, EgressPolicy
from service.adapters.notifications.mail import MailSender
from service.adapters.notifications.notifier import open_notifier
from service.domain.building.failure import FailureClass
from service.domain.hook import Secret
from service.domain.notifications.channel import Channel, ChannelId, ChannelKind, Topic
from service.domain.notifications.notification import RETRIES
from service.domain.repository import Repository
from service.domain.rights.caller import ProjectId
from service.domain.rights.project import LinkedRepository
from service.domain.source import Access
from service.events.envelope import data_of
from service.events.models import BuildFinished, HookUnhealthy, RepositoryData
from tests.domain.test_notification import a_channel
from tests.support.repos import Repo
from tests.support.rights import add_project
from tests.support.world import World, a_world

KEY = b"a key of thirty-two bytes or so."
SECRET = Secret("whsec_" + base64.b64encode(KEY).decode())


@dataclass
class Mailbox:
    """Takes mail as an SMTP server does, and refuses it by order."""

    received: list[bytes] = field(default_factory=list)
    refuses_with: str = ""

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server, session
        if self.refuses_with:
            return self.refuses_with
        assert isinstance(envelope.content, bytes)
        self.received.append(envelope.content)
        return "250 OK"

    @property
    def subjects(self) -> list[str]:
        return [
            str(message_from_bytes(raw, policy=default)["Subject"])
            for raw in self.received
        ]


@dataclass
class Endpoint:
    """A webhook receiver; it answers with `status`."""

    url: str = ""
    status: int = 204
    body: bytes = b""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        where = {"Location": "/elsewhere"}
        return web.Response(status=self.status, body=self.body, headers=where)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.requests]


@dataclass
class Scene:
    """A world whose project has a webhook and a mailbox."""

    world: World
    repository: Repository
    endpoint: Endpoint
    mailbox: Mailbox
    enqueuer: NotificationEnqueuer
    deliverer: NotificationDeliverer
    heard: int = 0

    async def later(self, seconds: float = 60) -> None:
        """Let time pass; events become notifications, and due ones are sent."""
        await self.world.later(seconds)
        await self.hear()
        await self.deliverer.send_due()

    async def hear(self, *, again: bool = False) -> None:
        fresh = self.world.events[0 if again else self.heard :]
        self.heard = len(self.world.events)
        for event in (item for item in fresh if item.name in NOTIFICATION.events):
            data = data_of(event)
            assert data is not None
            await self.enqueuer.handle(event, data)

    async def channel(self, name: str = "webhook") -> Channel:
        async with self.world.store.reading() as tx:
            return await tx.notifications.channel(ChannelId(name))

    async def save(self, channel: Channel) -> None:
        async with self.world.store.transaction() as tx:
            await tx.notifications.save_channel(channel)


@asynccontextmanager
async def a_scene(
    folder: Path, repo: Repo, *, gate: EgressPolicy = ANYWHERE, security: str = "none"
) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(a_world(folder))
        endpoint, mailbox = Endpoint(), Mailbox()
        await stack.enter_async_context(_serving(endpoint))
        smtp = await asyncio.get_running_loop().create_server(
            lambda: SMTP(mailbox), "127.0.0.1", 0
        )
        stack.callback(smtp.close)
        notifier = await stack.enter_async_context(
            open_notifier(
                gate=gate,
                environment={},
                clock=world.clock,
                mail=MailSender(
                    host="127.0.0.1",
                    port=smtp.sockets[0].getsockname()[1],
                    security=security,
                    sender="relaunch@uni.example",
                    account=None,
                    tls=ssl.create_default_context(),
                ),
            )
        )
        topics = frozenset(Topic) - {Topic.PING}
        project = ProjectId("project-1")
        async with world.store.transaction() as tx:
            for name, kind, target in (
                ("webhook", ChannelKind.WEBHOOK, endpoint.url),
                ("mail", ChannelKind.MAIL, "ada@uni.example"),
            ):
                channel = a_channel(
                    id=ChannelId(name),
                    project=project,
                    kind=kind,
                    target=target,
                    topics=topics,
                    secret=SECRET if kind is ChannelKind.WEBHOOK else None,
                )
                await tx.notifications.add_channel(channel)
        await add_project(world, project)
        await link(world, project, repo.url, is_granted=True)
        await world.follow(repo.repository, project=project)
        yield Scene(
            world,
            repo.repository,
            endpoint,
            mailbox,
            NotificationEnqueuer(store=world.store, clock=world.clock),
            NotificationDeliverer(
                store=world.store, notifier=notifier, clock=world.clock
            ),
        )


@asynccontextmanager
async def _serving(endpoint: Endpoint) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", endpoint.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def scene(tmp_path: Path, repo: Repo) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path, repo) as scene:
        yield scene


async def test_a_webhook_is_signed_as_the_standard_says(scene: Scene) -> None:
    await scene.later()
    scene.world.builder.succeed()
    await scene.later()

    assert [body["type"] for body in scene.endpoint.bodies] == [
        "build.finished",
        "launcher.updated",
    ]
    assert scene.endpoint.bodies[0]["data"]["outcome"] == "succeeded"
    assert scene.endpoint.bodies[0]["data"]["project_id"] == "project-1"
    headers, body = scene.endpoint.requests[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert int(headers["webhook-timestamp"]) == int(scene.world.clock.now().timestamp())


async def test_an_event_that_comes_twice_is_sent_once(scene: Scene) -> None:
    await scene.later()
    scene.world.builder.succeed()
    await scene.later()
    sent = len(scene.endpoint.requests)

    await scene.hear(again=True)
    await scene.deliverer.send_due()

    assert len(scene.endpoint.requests) == sent


async def test_of_failures_in_a_row_there_is_one_mail(scene: Scene, repo: Repo) -> None:
    await scene.later()
    for version in ("1.17.0", "1.15.0", "1.14.0"):
        scene.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
        await scene.later()
        repo.commit({"requirements.txt": f"six=={version}\n"})
        await scene.world.push(scene.repository)
        await scene.later()
    scene.world.builder.succeed()
    await scene.later()
    repo.commit({"requirements.txt": "six==0.0\n"})
    await scene.world.push(scene.repository)
    await scene.later()
    scene.world.builder.fail(FailureClass.CONFLICT)
    await scene.later()

    outcomes = [
        body["data"]["outcome"]
        for body in scene.endpoint.bodies
        if body["type"] == "build.finished"
    ]
    assert outcomes == ["failed", "failed", "failed", "succeeded", "failed"]
    assert [text for text in scene.mailbox.subjects if "failed" in text] == [
        "Build failed: It failed as the test said.",
        "Build failed: It failed as the test said.",
    ]
    message = message_from_bytes(scene.mailbox.received[0], policy=default)
    assert message["To"] == "ada@uni.example"
    assert message["From"] == "relaunch@uni.example"
    assert message["Auto-Submitted"] == "auto-generated"


async def test_an_endpoint_that_fails_is_tried_again_and_then_disabled(
    scene: Scene,
) -> None:
    scene.endpoint.status = 500
    await scene.later()
    scene.world.builder.succeed()
    await scene.later()
    first = len(scene.endpoint.requests)
    for wait in RETRIES:
        # Two wait there, and after a failure the other one is first.
        await scene.later(wait.total_seconds())
        await scene.later(0)
    channel = await scene.channel()
    tried = len(scene.endpoint.requests)
    scene.endpoint.status = 200
    await scene.later(3600)
    while_disabled = len(scene.endpoint.requests)
    await scene.save(replace(channel, disabled_at=None))
    await scene.later(timedelta(days=1).total_seconds())

    assert first == 1, "what comes after a failure waits for the next round"
    assert not channel.is_enabled
    assert channel.last_error == "it answered 500; expected 2xx"
    assert while_disabled == tried
    ids = {headers["webhook-id"] for headers, _ in scene.endpoint.requests}
    assert len(ids) == 2, "every attempt of a notification has its id"
    assert (await scene.channel()).failures == 0


@pytest.mark.parametrize(
    ("status", "error", "is_enabled"),
    [
        (410, "it answered 410 Gone", False),
        (302, "it answered 302; expected 2xx", True),
        (404, "it answered 404; expected 2xx", True),
    ],
)
async def test_what_an_endpoint_answers_is_on_record(
    scene: Scene, status: int, error: str, *, is_enabled: bool
) -> None:
    scene.endpoint.status = status
    await scene.later()
    scene.world.builder.succeed()
    await scene.later()

    channel = await scene.channel()
    assert (channel.last_error, channel.is_enabled) == (error, is_enabled)
    assert len(scene.endpoint.requests) == 1, "no redirect is followed"


@pytest.mark.parametrize(
    ("status", "failures", "is_enabled"),
    [(200, 0, True), (500, 1, True), (410, 1, False)],
)
async def test_the_status_of_an_endpoint_counts_however_long_its_page_is(
    scene: Scene, status: int, failures: int, *, is_enabled: bool
) -> None:
    scene.endpoint.status, scene.endpoint.body = status, b"x" * 100_000
    await scene.later()
    scene.world.builder.succeed()
    await scene.later()

    channel = await scene.channel()
    assert (channel.failures, channel.is_enabled) == (failures, is_enabled)


def unhealthy(scene: Scene, *, message: str = "It is gone.") -> HookUnhealthy:
    return HookUnhealthy(
        hook_id="hook-1",
        forge="github",
        repository=RepositoryData.of(scene.repository),
        reach="repository",
        reasons=("gone",),
        message=message,
        remedy="add it again",
        since=scene.world.clock.now(),
    )


async def test_a_sick_hook_is_told_to_projects_that_were_granted_its_repository(
    scene: Scene,
) -> None:
    # Anybody may link a repository and follow it; of its hooks they see nothing.
    await listen_in(scene, "eve-s-project")
    await scene.world.publish(unhealthy(scene))
    await scene.later()

    told = [
        body["data"]["project_id"]
        for body in scene.endpoint.bodies
        if body["type"] == "hook.unhealthy"
    ]
    assert told == ["project-1"]


async def test_the_end_of_one_rebuild_is_told_to_its_own_project(scene: Scene) -> None:
    await listen_in(scene, "eve-s-project", access=Access.CREDENTIAL)
    await scene.later()
    for build in list(scene.world.builder.running):
        scene.world.builder.succeed(build)
    await scene.later()
    ended = len(scene.endpoint.bodies)
    async with scene.world.store.reading() as tx:
        (mine,) = [each.id for each in await tx.launchers.list(project="project-1")]
    rebuild = await scene.world.request_rebuild(mine)
    await scene.world.publish(
        BuildFinished(
            build_key="key", outcome="cancelled", reason="cancelled", rebuild_id=rebuild
        )
    )
    await scene.later(0)

    told = {body["data"]["project_id"] for body in scene.endpoint.bodies[ended:]}
    assert told == {"project-1"}


async def listen_in(
    scene: Scene, project: str, *, access: Access = Access.ANONYMOUS
) -> None:
    """Have another project follow the repository without a grant, and listen."""
    world = scene.world
    await add_project(world, project)
    await link(world, project, scene.repository.url, is_granted=False)
    await world.follow(scene.repository, project=project, name="hers", access=access)
    channel = await scene.channel()
    async with world.store.transaction() as tx:
        await tx.notifications.add_channel(
            replace(channel, id=ChannelId("hers"), project=ProjectId(project))
        )


async def link(world: World, project: str, url: str, *, is_granted: bool) -> None:
    linked = LinkedRepository(url=url, is_granted=is_granted)
    async with world.store.transaction() as tx:
        await tx.projects.add_link(ProjectId(project), linked, at=world.clock.now())


async def test_a_webhook_leads_to_no_private_host(tmp_path: Path, repo: Repo) -> None:
    async with a_scene(tmp_path, repo, gate=EgressPolicy(())) as scene:
        await scene.later()
        scene.world.builder.succeed()
        await scene.later()

        assert scene.endpoint.requests == []
        assert "which is not public" in (await scene.channel()).last_error


async def test_a_mail_server_that_says_no_is_asked_again(scene: Scene) -> None:
    scene.mailbox.refuses_with = "451 try again later"
    await scene.later()
    scene.world.builder.fail(FailureClass.CONFLICT)
    await scene.later()
    refused = await scene.channel("mail")
    scene.mailbox.refuses_with = ""
    await scene.later()

    assert refused.last_error == "the mail server answered 451: try again later"
    assert len(scene.mailbox.received) == 1


async def test_a_mail_server_without_tls_gets_nothing_where_tls_is_wanted(
    tmp_path: Path, repo: Repo
) -> None:
    async with a_scene(tmp_path, repo, security="starttls") as scene:
        await scene.later()
        scene.world.builder.fail(FailureClass.CONFLICT)
        await scene.later()

        assert scene.mailbox.received == []
        assert "STARTTLS" in (await scene.channel("mail")).last_error


async def test_a_strangers_text_begins_no_header_of_a_mail(scene: Scene) -> None:
    message = "gone\r\nBcc: eve@evil.example\r\n\r\nbody"
    await scene.world.publish(unhealthy(scene, message=message))
    await scene.later()

    (raw,) = scene.mailbox.received
    mail = message_from_bytes(raw, policy=default)
    assert mail["Bcc"] is None
    assert "Bcc: eve@evil.example" in str(mail["Subject"])
