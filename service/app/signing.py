"""Build the options of signing images from the settings."""

from importlib.metadata import version

from service.adapters.kubernetes.signing.keys import read_signing_key
from service.adapters.kubernetes.signing.step import Author, SigningOptions
from service.errors import InvalidRequestError
from service.settings import Settings

__all__ = ["signing_options"]


def signing_options(settings: Settings) -> SigningOptions | None:
    """Return how images are signed; None where they are not.

    Raises:
        InvalidRequestError: The key cannot be used, or provenance has nobody to name.
    """
    chosen = settings.signing
    if chosen.key is None:
        return None
    try:
        key = read_signing_key(
            chosen.key.get_secret_value(), chosen.password.get_secret_value()
        )
    except InvalidRequestError as exc:
        raise InvalidRequestError(f"settings: RELAUNCH_SIGNING_KEY: {exc}") from exc
    return SigningOptions(
        key=key,
        author=_author(settings) if chosen.provenance else None,
        credentials=chosen.registry_config or settings.kubernetes.registry_config,
    )


def _author(settings: Settings) -> Author:
    builder_id = settings.signing.builder_id or settings.public_url
    if not builder_id:
        raise InvalidRequestError(
            "settings: provenance needs RELAUNCH_SIGNING_BUILDER_ID or "
            "RELAUNCH_PUBLIC_URL, which say who states it; or set "
            "RELAUNCH_SIGNING_PROVENANCE=false"
        )
    return Author(builder_id=builder_id, version=version("relaunch"))
