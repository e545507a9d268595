"""How a new hook's deliveries will prove themselves."""

import base64
import secrets
from typing import Final, assert_never

from service.domain.delivery import Forge
from service.domain.hook import Proof, Secret
from service.domain.repository import Repository
from service.errors import InvalidRequestError

__all__ = ["forge_of", "new_secret", "proof_of"]

PROOFS: Final = {
    Forge.GITHUB: (Proof.HMAC,),
    Forge.GITLAB: (Proof.SIGNING_TOKEN, Proof.SECRET_TOKEN),
}
"""What each forge can do; the strongest first."""

SECRET_BYTES: Final = 32
"""What Standard Webhooks asks for, and as much as SHA-256 makes use of."""


def forge_of(repository: Repository, given: str | None) -> Forge:
    """Return the forge that was named, or the one that the host names.

    Raises:
        InvalidRequestError: Nobody names one.
    """
    if given is not None:
        return Forge(given)
    named = [it for it in Forge if it.value in repository.host]
    if len(named) != 1:
        raise InvalidRequestError(
            f"the host {repository.host} does not say which forge it is; expected "
            '"forge": "github" or "forge": "gitlab"'
        )
    return named[0]


def proof_of(forge: Forge, given: str | None) -> Proof:
    """Return the proof that was named, or the forge's strongest.

    Raises:
        InvalidRequestError: The forge does not offer it.
    """
    offered = PROOFS[forge]
    if given is None:
        return offered[0]
    proof = Proof(given)
    if proof not in offered:
        words = " or ".join(it.value for it in offered)
        raise InvalidRequestError(f"proof is {given!r}; {forge.value} offers {words}")
    return proof


def new_secret(proof: Proof) -> Secret:
    """Make a secret in the form that the forge takes.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#symmetric
    """
    raw = secrets.token_bytes(SECRET_BYTES)
    match proof:
        case Proof.HMAC:
            return Secret(raw.hex())
        case Proof.SIGNING_TOKEN:
            return Secret("whsec_" + base64.b64encode(raw).decode())
        case Proof.SECRET_TOKEN:
            return Secret(base64.urlsafe_b64encode(raw).decode().rstrip("="))
    assert_never(proof)
