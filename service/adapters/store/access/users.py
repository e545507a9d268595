"""Users as last seen, and their API tokens."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select

from service.adapters.store.keyset import Order, read_page
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.access import tokens, users
from service.domain.rights.caller import MemberRole, ProjectId, Scope, User, UserId
from service.domain.rights.token import ApiToken, TokenId
from service.errors import ConflictError
from service.ports.store.paging import FIRST_PAGE, Page, PageRequest

__all__ = ["SqlTokens", "SqlUsers"]


class SqlUsers:
    """Implement the port `Users`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def save(self, user: User) -> None:
        known = {
            "username": user.username,
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
        }
        await self._run.put(users, {"id": user.id, **known}, changes=known)

    async def some(self, ids: Iterable[UserId]) -> Sequence[User]:
        query = select(users).where(users.c.id.in_(tuple(ids)))
        return [
            User(
                id=UserId(row["id"]),
                username=row["username"],
                email=row["email"],
                first_name=row["first_name"],
                last_name=row["last_name"],
            )
            for row in await self._run.rows(query)
        ]


class SqlTokens:
    """Implement the port `Tokens`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, token: ApiToken) -> None:
        if not await self._run.add(tokens, _to_row(token)):
            raise ConflictError(f"there is a token {token.id!r} already")

    async def by_digest(self, digest: str) -> ApiToken:
        query = select(tokens).where(tokens.c.digest == digest)
        # "shown" and not the digest: errors are answered and logged.
        return _from_row(await self._run.the_one(query, what="token", id_="shown"))

    async def get(self, token: TokenId) -> ApiToken:
        query = select(tokens).where(tokens.c.id == token)
        return _from_row(await self._run.the_one(query, what="token", id_=token))

    async def list(
        self, page: PageRequest = FIRST_PAGE, *, user: UserId | None = None
    ) -> Page[ApiToken]:
        query = select(tokens)
        if user is not None:
            query = query.where(tokens.c.user_id == user)
        order = Order(at=tokens.c.created_at, id=tokens.c.id, is_newest_first=True)
        return await read_page(self._run, query, order, page, _from_row)

    async def revoke(self, token: TokenId, *, at: datetime) -> None:
        await self._run.change(
            tokens,
            {"revoked_at": at},
            tokens.c.id == token,
            # The first revocation counts; a second one must not make the token look
            # valid for longer than it was.
            tokens.c.revoked_at.is_(None),
        )

    async def touch(self, token: TokenId, *, at: datetime) -> None:
        await self._run.change(tokens, {"last_used_at": at}, tokens.c.id == token)


def _to_row(token: ApiToken) -> Values:
    only = token.scope.projects
    return {
        "id": token.id,
        "name": token.name,
        "prefix": token.prefix,
        "digest": token.digest,
        "user_id": token.user,
        "is_admin": token.is_admin,
        "role": token.scope.role.value,
        "projects": None if only is None else sorted(only),
        "administers": token.scope.is_admin,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }


def _from_row(row: Row) -> ApiToken:
    only = row["projects"]
    return ApiToken(
        id=TokenId(row["id"]),
        name=row["name"],
        prefix=row["prefix"],
        digest=row["digest"],
        user=UserId(row["user_id"]),
        is_admin=row["is_admin"],
        scope=Scope(
            role=MemberRole(row["role"]),
            projects=None if only is None else frozenset(map(ProjectId, only)),
            is_admin=row["administers"],
        ),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
