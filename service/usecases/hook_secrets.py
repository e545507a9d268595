"""How a new hook's deliveries will prove themselves."""

import base64
import secrets
from typing import Final, assert_never

from service.domain.delivery import Forge
from service.domain.hook import Proof, Reach, Secret
from service.domain.repository import Repository
from service.errors import InvalidRequestError
from service.forges.registry import FORGES

__all__ = ["check_reach", "forge_of", "new_secret", "proof_of"]

SECRET_BYTES: Final = 32
"""What Standard Webhooks asks for, and as much as SHA-256 makes use of."""


def forge_of(repository: Repository, given: Forge | None) -> Forge:
    """Return the forge that was named, or the one that the host names; any for folders.

    Raises:
        InvalidRequestError: Nobody names one.
    """
    if given is not None:
        return given
    # `relaunch push` speaks for it, as any of them, and asks for no choice.
    if repository.is_folder:
        return next(iter(FORGES))
    named = [
        forge
        for forge, spec in FORGES.items()
        if any(word in repository.host for word in spec.host_words)
    ]
    # A host like `gitlab.github-mirror.example` names two forges; guessing would set up
    # proofs that never match.
    if len(named) != 1:
        words = " or ".join(f'"forge": "{forge.value}"' for forge in FORGES)
        raise InvalidRequestError(
            f"the host {repository.host} does not say which forge it is; expected "
            f"{words}, or the host in RELAUNCH_FORGE_KINDS"
        )
    return named[0]


def proof_of(forge: Forge, given: Proof | None) -> Proof:
    """Return the proof that was named, or the forge's strongest.

    Raises:
        InvalidRequestError: The forge does not offer it.
    """
    offered = FORGES[forge].proofs
    if given is None:
        return offered[0]
    if given not in offered:
        words = " or ".join(item.value for item in offered)
        raise InvalidRequestError(
            f"proof is {given.value!r}; {forge.value} offers {words}"
        )
    return given


def check_reach(forge: Forge, reach: Reach) -> None:
    """Refuse a reach that the forge has no webhooks for.

    Raises:
        InvalidRequestError: It has none.
    """
    offered = FORGES[forge].setup.pages
    if reach not in offered:
        words = " or ".join(each.value for each in offered)
        raise InvalidRequestError(
            f"reach is {reach.value!r}; {FORGES[forge].name} offers {words}"
        )


def new_secret(proof: Proof) -> Secret:
    """Make a secret in the form that the forge takes.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#symmetric
    """
    raw = secrets.token_bytes(SECRET_BYTES)
    match proof:
        case Proof.HMAC:
            return Secret(raw.hex())
        case Proof.SIGNING_TOKEN:
            # The forge decodes the part behind the prefix; the bytes are the key and
            # not the text.
            return Secret("whsec_" + base64.b64encode(raw).decode())
        case Proof.SECRET_TOKEN:
            return Secret(base64.urlsafe_b64encode(raw).decode().rstrip("="))
    assert_never(proof)
