"""What processes must have in common before several of them are one service."""

from service.errors import InvalidRequestError
from service.settings import Settings

__all__ = ["expect_shared"]


def expect_shared(settings: Settings, *, role: str) -> None:
    """Refuse settings with which this process would be alone.

    Raises:
        InvalidRequestError: The database is one process's own, or the key that hook
            secrets are encrypted with is not given, or not the token that callers of
            the REST API show.
    """
    scheme, _, _ = settings.database_url.partition("://")
    if scheme == "sqlite":
        raise InvalidRequestError(
            f"relaunch {role} shares its database with other processes, and SQLite "
            "belongs to one; set RELAUNCH_DATABASE to postgresql://… (relaunch dev "
            "runs everything in one process)"
        )
    if settings.secret_key is None:
        raise InvalidRequestError(
            f"relaunch {role} reads hooks that other processes wrote; set "
            "RELAUNCH_SECRET_KEY to the same 32 bytes in URL-safe base64 for all"
        )
    if role == "receive" and settings.token is None:
        raise InvalidRequestError(
            "relaunch receive answers callers that other processes may answer next; "
            "set RELAUNCH_TOKEN to the same token for all"
        )
