"""Check the settings that only an operator can give, all missing ones at once."""

from collections.abc import Iterator, Sequence

from service.errors import InvalidRequestError
from service.settings import Settings, describe_problems

__all__ = ["expect_settings", "lacking_settings"]


def expect_settings(settings: Settings, *, role: str) -> None:
    """Refuse settings with which this process could not do its part.

    Raises:
        InvalidRequestError: The message names everything that lacks: what several
            processes must have in common before they are one service, and what a
            builder in a cluster needs.
    """
    lacking = lacking_settings(settings, role=role)
    if lacking:
        raise InvalidRequestError(describe_problems(lacking))


def lacking_settings(settings: Settings, *, role: str) -> Sequence[str]:
    """Name the settings that lack for this process to do its part."""
    if settings.launchers is not None:
        is_driving = role in {"dev", "consume"}
        upstream = _of_upstream(settings) if is_driving else ()
        return [*_shared(settings, role), *upstream]
    return [*_shared(settings, role), *_of_cluster(settings)]


def _shared(settings: Settings, role: str) -> Iterator[str]:
    """Describe what is missing for this process not to be alone."""
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
    if role in {"receive", "api"} and settings.token is None:
        yield (
            f"relaunch {role} answers callers that other processes may answer next; "
            "set RELAUNCH_TOKEN to the same token for all"
        )


def _of_cluster(settings: Settings) -> Iterator[str]:
    if settings.builder != "kubernetes":
        return
    for name in ("builder_image", "run_image", "target"):
        if not getattr(settings.kubernetes, name):
            variable = f"RELAUNCH_KUBERNETES_{name.upper()}"
            yield f"RELAUNCH_BUILDER=kubernetes needs {variable}"


def _of_upstream(settings: Settings) -> Iterator[str]:
    renku = settings.renku
    if not renku.projects:
        yield (
            "RELAUNCH_LAUNCHERS needs RELAUNCH_RENKU_PROJECTS: the projects whose "
            "launchers are followed there, by id or as namespace/slug"
        )
    if renku.token is None and renku.refresh_token is None:
        if renku.client_id is None or renku.client_secret is None:
            yield (
                "RELAUNCH_LAUNCHERS needs a credential: RELAUNCH_RENKU_REFRESH_TOKEN "
                "with RELAUNCH_RENKU_CLIENT_ID, RELAUNCH_RENKU_CLIENT_ID with "
                "RELAUNCH_RENKU_CLIENT_SECRET, or RELAUNCH_RENKU_TOKEN"
            )
    elif renku.token is not None and renku.refresh_token is not None:
        yield (
            "RELAUNCH_RENKU_TOKEN and RELAUNCH_RENKU_REFRESH_TOKEN are both set; "
            "expected one of them"
        )
    elif renku.refresh_token is not None and renku.client_id is None:
        yield (
            "RELAUNCH_RENKU_REFRESH_TOKEN needs RELAUNCH_RENKU_CLIENT_ID, the client "
            "that it was issued to"
        )
