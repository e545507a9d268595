"""The ledger in SQLite or PostgreSQL.

`app.py` composes it like this; the embedded bus shares the database:

    keys = [key_file(data / "key")]
    async with open_database(url, keys=keys) as database:
        store = SqlStore(database)
        bus = TableBus(database, roles=ROLES, clock=clock)
"""

from service.adapters.store.database.database import Database, open_database
from service.adapters.store.encryption import key_file
from service.adapters.store.store import SqlStore

__all__ = ["Database", "SqlStore", "key_file", "open_database"]
