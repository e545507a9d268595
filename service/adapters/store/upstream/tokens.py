"""Tokens of an upstream Renku; encrypted at rest."""

import json
from datetime import datetime

from sqlalchemy import select

from service.adapters.store.encryption import Cipher
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.upstream import upstream_tokens
from service.domain.hook import Secret
from service.ports.store import UpstreamToken

__all__ = ["SqlUpstreamTokens"]

_COLUMNS = upstream_tokens.c


class SqlUpstreamTokens:
    """Implement the port `UpstreamTokens`."""

    def __init__(self, statements: Statements, *, cipher: Cipher) -> None:
        self._run = statements
        self._cipher = cipher

    async def find(self, id_: str) -> UpstreamToken | None:
        query = select(upstream_tokens).where(_COLUMNS.id == id_)
        rows = await self._run.rows(query)
        return self._from_row(rows[0]) if rows else None

    async def put(self, token: UpstreamToken) -> None:
        row = self._to_row(token)
        if not await self._run.add(upstream_tokens, row):
            # One that is written late, by a process whose lease is over, is not the
            # latest any more.
            is_older = _COLUMNS.renewals < token.renewals
            mine = _COLUMNS.id == token.id
            await self._run.change(upstream_tokens, row, mine, is_older)

    async def remove(self, *, before: datetime) -> None:
        await self._run.remove(upstream_tokens, _COLUMNS.renewed_at < before)

    def _to_row(self, token: UpstreamToken) -> Values:
        secrets = [token.refresh_token.reveal(), token.access_token.reveal()]
        return {
            "id": token.id,
            "secrets": self._cipher.encrypt(json.dumps(secrets)),
            "expires_at": token.expires_at,
            "renewals": token.renewals,
            "renewed_at": token.renewed_at,
        }

    def _from_row(self, row: Row) -> UpstreamToken:
        refresh_token, access_token = json.loads(self._cipher.decrypt(row["secrets"]))
        return UpstreamToken(
            id=row["id"],
            refresh_token=Secret(refresh_token),
            access_token=Secret(access_token),
            expires_at=row["expires_at"],
            renewals=row["renewals"],
            renewed_at=row["renewed_at"],
        )
