"""A forge with a private repository, and projects that may and may not read it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.domain.rights.caller import MemberRole, ProjectId, User, UserId
from service.domain.rights.project import LinkedRepository, Project
from tests.support.api import TOKEN, Answer, Api, a_table_bus, serving
from tests.support.apis import an_api
from tests.support.forge import Forge, a_forge
from tests.support.forge.repositories import HostedRepo
from tests.support.rights import member, token_of
from tests.support.world import World, a_world

FILES = {"requirements.txt": "six==1.16.0\n"}


@dataclass(kw_only=True)
class Installation:
    """An installation whose credentials read everything at a forge."""

    world: World
    api: Api
    forge: Forge
    secret: HostedRepo
    """Private."""
    open_: HostedRepo
    project: Project
    """Of the editor `mallory`, who was granted nothing."""
    editor: str
    """Her token."""
    outsider: str
    names: list[str] = field(default_factory=list)

    async def ask(
        self, method: str, path: str, body: object = None, *, token: str = ""
    ) -> Answer:
        """Ask as the editor, unless another token is given."""
        headers = {"Authorization": f"Bearer {token or self.editor}"}
        return await self.api.bare(method, path, body, headers=headers)

    async def get(self, path: str, *, token: str = "") -> Any:
        answer = await self.ask("GET", path, token=token)
        assert answer.status == 200, answer
        return answer.json

    async def follow(
        self, url: str, *, token: str = "", project: str = "", **more: Any
    ) -> Any:
        """Add a launcher and let its first look be taken."""
        answer = await self.ask(
            "POST",
            "/api/relaunch/session_launchers",
            {
                "name": f"launcher {len(self.names)}",
                "project_id": project or self.project.id,
                "environment": more or from_code(url),
            },
            token=token,
        )
        assert answer.status == 201, answer
        self.names.append(answer.json["id"])
        await self.world.settle()
        return answer.json

    async def follow_unread(self, url: str) -> Any:
        """Add the editor's launcher while the forge does not answer, and so refuses.

        Later it does, and has to refuse whatever was not granted.
        """
        self.world.is_forge_silent = True
        try:
            return await self.follow(url)
        finally:
            self.world.is_forge_silent = False

    async def build(self) -> None:
        """Let what runs succeed."""
        for build in list(self.world.builder.running):
            self.world.builder.succeed(build)
        await self.world.settle()

    async def newest_build(self, launcher: Any) -> Any:
        environment = launcher["environment"]["id"]
        path = f"/api/relaunch/environments/{environment}/builds"
        return (await self.get(path))[0]

    async def grant(self, url: str, *, granted: bool = True) -> Answer:
        self.world.clock.advance(timedelta(minutes=1))
        path = f"/api/relaunch/projects/{self.project.id}/repositories"
        body = {"repository": url, "granted": granted}
        answer = await self.ask("POST", path, body, token=TOKEN)
        await self.world.settle()
        return answer

    @property
    def asked_by_api(self) -> int:
        """How often the forge was asked with the installation's credentials."""
        return sum(request.is_api for request in self.forge.requests)


def from_code(url: str) -> dict[str, object]:
    return {
        "repository": url,
        "builder_variant": "python",
        "frontend_variant": "none",
        "environment_image_source": "build",
    }


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Installation]:
    async with (
        a_forge(tmp_path / "forge", vendor="github") as forge,
        an_api(forge) as remote,
        a_world(tmp_path, remote=remote) as world,
        a_table_bus(tmp_path) as bus,
        serving(world, bus, allows_anonymous=True) as api,
    ):
        now = world.clock.now()
        project = Project(
            id=ProjectId("01JZ8XK2V3T4Y5W6Q7R8S9T0PR"),
            name="Hers",
            namespace="mallory",
            slug="hers",
            created_by=UserId("mallory"),
            created_at=now,
            updated_at=now,
            repositories=(LinkedRepository(url=f"{forge.url}/ada/linked"),),
        )
        async with world.store.transaction() as tx:
            await tx.projects.add(project)
        yield Installation(
            world=world,
            api=api,
            forge=forge,
            secret=forge.create("ada/secret", files=FILES, visibility="private"),
            open_=forge.create("ada/opened", files=FILES),
            project=project,
            editor=await member(world, project.id, MemberRole.EDITOR),
            outsider=await token_of(world, User(id=UserId("eve"), username="eve")),
        )
