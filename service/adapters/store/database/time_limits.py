"""Time limits of a shared database, where the common ones are too short."""

from sqlalchemy import Connection, text

__all__ = ["lift_time_limits"]


def lift_time_limits(connection: Connection) -> None:
    """Let the transaction take its time, until it ends.

    A large table takes its time, and so does a busy machine between two statements. A
    lock that others hold does not have to: `lock_timeout` stays.
    """
    if connection.dialect.name == "postgresql":
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {name} = 0"))
