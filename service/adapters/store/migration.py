"""The tables come into being, and follow the versions of the service.

Each change of `tables.py` is one file more in `migrations/versions`; they run when a
database is opened. https://alembic.sqlalchemy.org/en/latest/cookbook.html
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from service.errors import PermanentError

__all__ = ["migrate"]

_FOLDER: Final = Path(__file__).with_name("migrations")


def migrate(connection: Connection) -> None:
    """Bring the tables to this version's state, within the caller's transaction.

    Raises:
        PermanentError: A newer version of the service made them.
    """
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {it.revision for it in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise PermanentError(
            f"the database has schema {current!r}, which this version does not know;"
            " a newer version of the service made it"
        )
    command.upgrade(config, "head")
