"""What happens when launchers are added, changed, moved and removed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import get_args

from aiohttp import web

from handlers.announcing import announcer_of
from handlers.keys import ALLOW_FILES, BUILDER, CLOCK, IDS, STORE
from handlers.rebuild_requests import end_unfinished, first_build, reconcile
from handlers.shapes.environments import Frontend, check_pair
from handlers.shapes.launchers import (
    EnvVariable,
    LauncherPatch,
    LauncherPost,
)
from service.domain.build import EnvironmentId, Move
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.repository import Repository
from service.domain.source import Revision, Source, SourceId
from service.errors import ConflictError, InvalidRequestError
from service.ports.store import LOCK_SCHEDULE, Transaction

__all__ = ["add", "change", "remove", "take_offer"]


async def add(app: web.Application, asked: LauncherPost) -> tuple[Launcher, Source]:
    """Add a launcher and ask for its first build.

    Raises:
        InvalidRequestError: Frontend and builder do not fit, or the repository's URL
            is none, or not one that may be followed.
        ConflictError: Another launcher of the project has the name.
    """
    given = asked.environment
    check_pair(given.builder_variant, given.frontend_variant)
    _check_provided(app, given.frontend_variant)
    wanted = _source(
        app,
        _repository(app, given.repository),
        Revision.from_text(given.repository_revision),
        given.context_dir,
    )
    async with app[STORE].transaction() as tx:
        source = await tx.sources.find_or_add(wanted)
        launcher = _launcher(app, asked, source.id)
        await _take_name(tx, launcher)
        await tx.launchers.add(launcher)
        await first_build(app, tx, launcher, source)
    return launcher, source


def _check_provided(app: web.Application, frontend: str) -> None:
    builder = app[BUILDER]
    if builder.provides(frontend):
        return
    made = [name for name in get_args(Frontend) if builder.provides(name)]
    raise InvalidRequestError(
        f"the frontend {frontend!r} is not made by the builder of this installation; "
        f"it makes {', '.join(made)}"
    )


def _repository(app: web.Application, url: str) -> Repository:
    repository = Repository.from_url(url)
    if repository.url.startswith("file:") and not app[ALLOW_FILES]:
        raise InvalidRequestError(
            f"repository {url[:200]!r}: repositories on this machine may not be "
            "followed here; expected https:// or http://"
        )
    return repository


def _source(
    app: web.Application, repository: Repository, revision: Revision, context_dir: str
) -> Source:
    return Source(
        id=SourceId(app[IDS].new()),
        repository=repository,
        revision=revision,
        context_dir=context_dir,
        created_at=app[CLOCK].now(),
    )


def _launcher(app: web.Application, asked: LauncherPost, source: SourceId) -> Launcher:
    given = asked.environment
    return Launcher(
        id=LauncherId(app[IDS].new()),
        project_id=asked.project_id,
        name=asked.name,
        environment_id=EnvironmentId(app[IDS].new()),
        source_id=source,
        builder=given.builder_variant,
        frontend=given.frontend_variant,
        platform=given.platforms[0],
        policy=UpdatePolicy(asked.update_policy),
        created_at=app[CLOCK].now(),
        description=asked.description,
        launcher_type=asked.launcher_type,
        resource_class_id=asked.resource_class_id,
        disk_storage=asked.disk_storage,
        env_variables=_variables(asked.env_variables),
        command=given.command or (),
        args=given.args or (),
    )


def _variables(given: tuple[EnvVariable, ...] | None) -> Mapping[str, str] | None:
    return None if given is None else {it.name: it.value or "" for it in given}


@asynccontextmanager
async def _holding(
    app: web.Application, launcher_id: LauncherId
) -> AsyncIterator[tuple[Transaction, Launcher]]:
    """Open a transaction in which nobody else evaluates, schedules or changes it."""
    async with app[STORE].reading() as tx:
        before = await tx.launchers.get(launcher_id)
    locks = (f"source:{before.source_id}", LOCK_SCHEDULE)
    async with app[STORE].transaction(*locks) as tx:
        launcher = await tx.launchers.get(launcher_id)
        if launcher.source_id != before.source_id:
            raise ConflictError(
                f"Session launcher with id '{launcher_id}' is being changed by "
                "somebody else; try again."
            )
        yield tx, launcher


async def change(
    app: web.Application, launcher_id: LauncherId, asked: LauncherPatch
) -> tuple[Launcher, Source]:
    """Change a launcher; other build parameters ask for a build at once.

    Another policy is looked after at once, too: who is behind and may be brought
    forward by it is.

    Raises:
        NotFoundError: There is no such launcher.
        ConflictError: Somebody else changes it just now, or another launcher of the
            project has the new name.
        InvalidRequestError: Frontend and builder would not fit, or the repository's
            URL is none, or not one that may be followed.
    """
    async with _holding(app, launcher_id) as (tx, before):
        source = await tx.sources.get(before.source_id)
        followed = _followed(app, source, asked)
        if followed != source:
            followed = await tx.sources.find_or_add(followed)
        launcher = _rebuilt(replace(before, source_id=followed.id), asked)
        check_pair(launcher.builder, launcher.frontend)
        if launcher.frontend != before.frontend:
            _check_provided(app, launcher.frontend)
        if _is_made_differently(before, launcher):
            # What the definition asks for is unknown until somebody looked.
            launcher = replace(launcher, wanted_key=None, wanted_builder=None)
            wish = await first_build(app, tx, launcher, followed)
            await end_unfinished(
                app, tx, launcher.environment_id, Move.SUPERSEDE, but=[wish.id]
            )
        launcher = _described(launcher, asked)
        if launcher.name != before.name:
            await _take_name(tx, launcher)
        await tx.launchers.save(launcher)
        if launcher.policy is not before.policy:
            await reconcile(app, tx, launcher, followed)
        return await tx.launchers.get(launcher_id), followed


async def _take_name(tx: Transaction, launcher: Launcher) -> None:
    if await tx.launchers.take_name(launcher):
        return
    found = await tx.launchers.list(project=launcher.project_id, name=launcher.name)
    others = [it for it in found if it.id != launcher.id]
    told = ""
    if others:
        source = await tx.sources.get(others[0].source_id)
        what = source.revision.to_text() or "the default branch"
        told = f", {others[0].id}, which follows {what} of {source.repository.url}"
    raise ConflictError(
        f"There is a session launcher {launcher.name!r} in this project already{told}; "
        "choose another name."
    )


def _followed(app: web.Application, source: Source, asked: LauncherPatch) -> Source:
    """Return the source to follow: the same one when nothing of it changes."""
    given = asked.environment.build_parameters
    repository, revision = source.repository, source.revision
    context_dir = source.context_dir
    if given.repository is not None:
        named = _repository(app, given.repository)
        repository = repository if repository.is_same(named) else named
    if given.repository_revision is not None:
        revision = Revision.from_text(given.repository_revision)
    if given.context_dir is not None:
        context_dir = given.context_dir
    if (repository, revision, context_dir) == (
        source.repository,
        source.revision,
        source.context_dir,
    ):
        return source
    return _source(app, repository, revision, context_dir)


def _rebuilt(launcher: Launcher, asked: LauncherPatch) -> Launcher:
    given = asked.environment.build_parameters
    return replace(
        launcher,
        builder=given.builder_variant or launcher.builder,
        frontend=given.frontend_variant or launcher.frontend,
        platform=given.platforms[0] if given.platforms else launcher.platform,
    )


def _is_made_differently(before: Launcher, after: Launcher) -> bool:
    return (before.source_id, before.builder, before.frontend, before.platform) != (
        after.source_id,
        after.builder,
        after.frontend,
        after.platform,
    )


def _described(launcher: Launcher, asked: LauncherPatch) -> Launcher:
    """Take over what was sent; a null resets what may be absent."""
    policy = asked.update_policy
    changed = replace(
        launcher,
        name=asked.name or launcher.name,
        policy=UpdatePolicy(policy) if policy else launcher.policy,
    )
    if "description" in asked.model_fields_set:
        changed = replace(changed, description=asked.description)
    if "resource_class_id" in asked.model_fields_set:
        changed = replace(changed, resource_class_id=asked.resource_class_id)
    if "disk_storage" in asked.model_fields_set:
        changed = replace(changed, disk_storage=asked.disk_storage)
    if "env_variables" in asked.model_fields_set:
        changed = replace(changed, env_variables=_variables(asked.env_variables))
    if "command" in asked.environment.model_fields_set:
        changed = replace(changed, command=asked.environment.command or ())
    if "args" in asked.environment.model_fields_set:
        changed = replace(changed, args=asked.environment.args or ())
    return changed


async def remove(app: web.Application, launcher_id: LauncherId) -> None:
    """Remove a launcher and call off what it waits for; history and images stay.

    Raises:
        NotFoundError: There is no such launcher.
        ConflictError: Somebody else changes it just now.
    """
    async with _holding(app, launcher_id) as (tx, launcher):
        await end_unfinished(app, tx, launcher.environment_id, Move.CANCEL)
        await tx.launchers.remove(launcher_id)


async def take_offer(
    app: web.Application, launcher_id: LauncherId
) -> tuple[Launcher, Source]:
    """Move a launcher to the image it was told of.

    Raises:
        NotFoundError: There is no such launcher.
        ConflictError: No image waits for it, or it moved on meanwhile.
    """
    async with app[STORE].transaction() as tx:
        launcher = await tx.launchers.get(launcher_id)
        image, key = launcher.available_image, launcher.available_key
        if image is None or key is None or not launcher.has_offer:
            raise ConflictError(
                f"Session launcher with id '{launcher_id}' has no available image to "
                "move to."
            )
        generation = launcher.available_generation
        if await tx.launchers.move(
            launcher_id, image=image, key=key, generation=generation
        ):
            await announcer_of(app).moved(
                tx, launcher, image=image, generation=generation
            )
        moved = await tx.launchers.get(launcher_id)
        return moved, await tx.sources.get(moved.source_id)
