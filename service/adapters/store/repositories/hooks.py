"""Hooks; their secrets are encrypted at rest."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import bindparam, func, or_, select

from service.adapters.store.access.visibility import has_visible_repository
from service.adapters.store.encryption import Cipher
from service.adapters.store.json_columns import checkup_from, checkup_to
from service.adapters.store.keyset import Order, count_rows, read_page, read_total
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.configuration import hooks
from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof, Reach, Secret
from service.domain.repository import Repository
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.errors import ConflictError
from service.ports.store import FIRST_PAGE, Cursor, Page, PageRequest

__all__ = ["SqlHooks"]

_SOME: Final = select(hooks).where(hooks.c.id.in_(bindparam("ids", expanding=True)))
"""Written once, since receivers ask all the time; writing a query takes as long as
asking."""

_OLDEST_FIRST: Final = Order(at=hooks.c.created_at, id=hooks.c.id)


class SqlHooks:
    """Implement the port `Hooks`."""

    def __init__(self, statements: Statements, *, cipher: Cipher) -> None:
        self._run = statements
        self._cipher = cipher

    async def add(self, hook: Hook) -> None:
        if not await self._run.add(hooks, self._to_row(hook)):
            raise ConflictError(f"there is a hook {hook.id!r} already")

    async def get(self, hook: HookId) -> Hook:
        query = select(hooks).where(hooks.c.id == hook)
        return self._from_row(await self._run.the_one(query, what="Hook", id_=hook))

    async def get_many(self, ids: Iterable[HookId]) -> Sequence[Hook]:
        found = await self._run.rows(_SOME, {"ids": tuple(ids)})
        return [self._from_row(row) for row in found]

    async def list(
        self, page: PageRequest = FIRST_PAGE, *, visible: ProjectFilter = EVERYTHING
    ) -> Page[Hook]:
        query, count = select(hooks), read_total("hooks")
        if not visible.is_everything:
            query = query.where(has_visible_repository(visible))
            count = count_rows(query)
        return await read_page(
            self._run, query, _OLDEST_FIRST, page, self._from_row, count=count
        )

    async def of_repository(self, repository: Repository) -> Sequence[Hook]:
        may_be_about = or_(
            func.lower(hooks.c.path) == repository.path.lower(),
            hooks.c.reach != Reach.REPOSITORY.value,
        )
        if repository.number is not None:
            may_be_about = or_(may_be_about, hooks.c.number == repository.number)
        query = (
            select(hooks)
            .where(hooks.c.host == repository.host, may_be_about)
            .order_by(*_OLDEST_FIRST.keys)
        )
        return [self._from_row(row) for row in await self._run.rows(query)]

    async def count(self) -> int:
        (row,) = await self._run.rows(read_total("hooks"))
        return int(row["count"])

    async def next(self, after: Cursor | None = None) -> Cursor | None:
        query = (
            select(hooks.c.created_at, hooks.c.id)
            .where(*_OLDEST_FIRST.behind(after))
            .order_by(*_OLDEST_FIRST.keys)
            .limit(1)
        )
        rows = await self._run.rows(query)
        return Cursor(at=rows[0]["created_at"], id=rows[0]["id"]) if rows else None

    async def save(self, hook: Hook) -> None:
        await self._run.save(hooks, self._to_row(hook), what="Hook")

    async def bind(self, repository: Repository, *, number: int) -> None:
        await self._run.change(
            hooks,
            {"number": number},
            hooks.c.host == repository.host,
            # Only hooks of one repository, and only those that have no number or the
            # former one: a hook that is bound to another repository of the same name
            # stays bound to it.
            func.lower(hooks.c.path) == repository.path.lower(),
            hooks.c.reach == Reach.REPOSITORY.value,
            or_(hooks.c.number.is_(None), hooks.c.number == repository.number),
        )

    async def remove(self, hook: HookId) -> None:
        await self._run.remove(hooks, hooks.c.id == hook)

    def _to_row(self, hook: Hook) -> Values:
        secrets = json.dumps([secret.reveal() for secret in hook.secrets])
        return {
            "id": hook.id,
            "forge": hook.forge.value,
            "proof": hook.proof.value,
            "host": hook.repository.host,
            "path": hook.repository.path,
            "url": hook.repository.url,
            "number": hook.repository.number,
            "secrets": self._cipher.encrypt(secrets),
            "created_at": hook.created_at,
            "rotated_at": hook.rotated_at,
            "reach": hook.reach.value,
            "forge_id": hook.forge_id,
            "checkup": checkup_to(hook.health),
        }

    def _from_row(self, row: Row) -> Hook:
        secrets = json.loads(self._cipher.decrypt(row["secrets"]))
        return Hook(
            id=HookId(row["id"]),
            forge=Forge(row["forge"]),
            proof=Proof(row["proof"]),
            repository=Repository(
                host=row["host"],
                path=row["path"],
                url=row["url"],
                number=row["number"],
            ),
            secrets=tuple(Secret(text) for text in secrets),
            created_at=row["created_at"],
            rotated_at=row["rotated_at"],
            reach=Reach(row["reach"]),
            forge_id=row["forge_id"],
            health=checkup_from(row["checkup"]),
        )
