"""Make the default project anew where a database has lost it.

The first migration of projects makes it; versions before this one let it be removed,
and every launcher that names no project was refused from then on.
"""

import time
from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.store.tables.access import members, projects
from service.domain.rights.caller import INSTALLATION, MemberRole
from service.domain.rights.project import (
    DEFAULT_PROJECT,
    SECRETS_DIRECTORY,
    Visibility,
)

__all__ = ["restore_default_project"]


async def restore_default_project(connection: AsyncConnection) -> None:
    """Make the default project where it is missing, as a new database has it."""
    is_there = select(projects.c.id).where(projects.c.id == DEFAULT_PROJECT)
    if await connection.scalar(is_there) is not None:
        return
    now = datetime.fromtimestamp(time.time(), UTC)
    row = {
        "id": DEFAULT_PROJECT,
        "name": "Default project",
        "namespace": INSTALLATION,
        "slug": await _free_slug(connection),
        "created_by": INSTALLATION,
        "created_at": now,
        "updated_at": now,
        "visibility": Visibility.PRIVATE.value,
        "keywords": [],
        "secrets_mount_directory": SECRETS_DIRECTORY,
    }
    await connection.execute(insert(projects), row)
    owner = {"user_id": INSTALLATION, "role": MemberRole.OWNER.value}
    await connection.execute(insert(members), {"project_id": DEFAULT_PROJECT, **owner})


async def _free_slug(connection: AsyncConnection) -> str:
    """Return the slug of a new database; the id where another project took it."""
    taken = select(projects.c.id).where(
        projects.c.namespace == INSTALLATION, projects.c.slug == "default"
    )
    is_taken = await connection.scalar(taken) is not None
    return DEFAULT_PROJECT if is_taken else "default"
