"""The tables come into being, and follow the versions of the service, both ways.

Each change of `tables.py` is one file more in `migrations/versions`.
https://alembic.sqlalchemy.org/en/latest/cookbook.html
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from service.adapters.store.database.schema import is_current, schema_version
from service.adapters.store.migrations.concurrent_indexes import (
    IndexChanges,
    declared_indexes,
)
from service.errors import PermanentError

__all__ = ["FIRST_RELEASED", "migrate", "migrate_down"]

_FOLDER: Final = Path(__file__).parent.parent / "migrations"

FIRST_RELEASED: Final = "0015"
"""The schema of version 0.1.0: nobody has a version to go back to before it."""


def migrate(connection: Connection, version: str = "head") -> IndexChanges:
    """Bring the tables to this version's state, within the caller's transaction.

    Returns the changes of indexes that are left for after the commit. At this version's
    state they are all that there should be: a run that was cut off is made up for.

    Args:
        connection: In a transaction.
        version: An earlier state to stop at.

    Raises:
        PermanentError: A newer version of the service made them.
    """
    config = _config(connection)
    _expect_known(connection, config)
    command.upgrade(config, version)
    return declared_indexes() if is_current(connection) else _deferred(config)


def migrate_down(connection: Connection) -> IndexChanges:
    """Take the last migration back, within the caller's transaction.

    Returns the changes of indexes that are left for after the commit.

    Raises:
        PermanentError: There is none to take back, a newer version of the service made
            the tables, or the version before could not read what is in them.
    """
    config = _config(connection)
    current = _expect_known(connection, config)
    if current is None or current <= FIRST_RELEASED:
        raise PermanentError(
            f"there is no version to go back to: the database has schema "
            f"{current or 'none'}, and {FIRST_RELEASED} is the oldest that was released"
        )
    command.downgrade(config, "-1")
    return _deferred(config)


def _deferred(config: Config) -> IndexChanges:
    found = config.attributes.get("deferred")
    return found if isinstance(found, IndexChanges) else IndexChanges()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _expect_known(connection: Connection, config: Config) -> str | None:
    """Return the schema's version, unless a newer version of the service made it."""
    known = {
        revision.revision
        for revision in ScriptDirectory.from_config(config).walk_revisions()
    }
    current = schema_version(connection)
    # Refused and not ignored: an older process would write rows without what a newer
    # one relies on.
    if current is not None and current not in known:
        raise PermanentError(
            f"the database has schema {current!r}, which this version does not know;"
            " a newer version of the service made it"
        )
    return current
