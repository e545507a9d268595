"""What only an operator can say, before a process starts: all that lacks at once."""

from collections.abc import Iterator

from service.errors import InvalidRequestError
from service.settings import Settings, told

__all__ = ["expect_settings"]


def expect_settings(settings: Settings, *, role: str) -> None:
    """Refuse settings with which this process could not do its part.

    Raises:
        InvalidRequestError: The message names everything that lacks: what several
            processes must have in common before they are one service, and what a
            builder in a cluster needs.
    """
    lacking = [*_shared(settings, role), *_of_cluster(settings)]
    if lacking:
        raise InvalidRequestError(told(lacking))


def _shared(settings: Settings, role: str) -> Iterator[str]:
    """Say what is missing for this process not to be alone."""
    if role == "dev":
        return
    scheme, _, _ = settings.database_url.partition("://")
    if scheme == "sqlite":
        yield (
            f"relaunch {role} shares its database with other processes, and SQLite "
            "belongs to one; set RELAUNCH_DATABASE to postgresql://… (relaunch dev "
            "runs everything in one process)"
        )
    if settings.secret_key is None:
        yield (
            f"relaunch {role} reads hooks that other processes wrote; set "
            "RELAUNCH_SECRET_KEY to the same 32 bytes in URL-safe base64 for all"
        )
    if role == "receive" and settings.token is None:
        yield (
            "relaunch receive answers callers that other processes may answer next; "
            "set RELAUNCH_TOKEN to the same token for all"
        )


def _of_cluster(settings: Settings) -> Iterator[str]:
    if settings.builder != "kubernetes":
        return
    for name in ("builder_image", "run_image", "target"):
        if not getattr(settings.kubernetes, name):
            variable = f"RELAUNCH_KUBERNETES_{name.upper()}"
            yield f"RELAUNCH_BUILDER=kubernetes needs {variable}"
