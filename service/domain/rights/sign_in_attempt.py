"""One attempt of a browser to sign in at the identity provider."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

from service.domain.hook import Secret

__all__ = ["SignInAttempt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAttempt:
    """What binds the provider's answer to the browser that began.

    https://www.rfc-editor.org/rfc/rfc9700#section-2.1
    """

    state: str
    """Comes back with the answer: another page cannot send an answer of its own."""
    nonce: str
    """Comes back in the ID token: a token of another attempt is refused."""
    verifier: Secret
    """Is shown with the code: a code that leaked is of no use (PKCE, RFC 7636)."""
    redirect_uri: str
    """Where the provider sends the browser back to."""

    @classmethod
    def derive(cls, record: Secret, *, redirect_uri: str) -> Self:
        """Derive an attempt from what its browser keeps.

        Args:
            record: Holds enough randomness that nobody guesses it. Whatever else it
                holds is bound to the attempt: with a letter changed it is another one.
            redirect_uri: Where the provider sends the browser back to.
        """
        return cls(
            state=_derive(record, "state"),
            nonce=_derive(record, "nonce"),
            verifier=Secret(_derive(record, "verifier")),
            redirect_uri=redirect_uri,
        )

    @property
    def challenge(self) -> str:
        """The verifier's digest (S256)."""
        return _encode(hashlib.sha256(self.verifier.reveal().encode()).digest())

    def is_answered_by(self, state: str) -> bool:
        """Return whether an answer with this state is this attempt's."""
        sent = state.encode("utf-8", "replace")
        return hmac.compare_digest(sent, self.state.encode())


def _derive(record: Secret, purpose: str) -> str:
    # The provider and the address bar see state and nonce; neither leads back to the
    # record, nor to the verifier.
    key = record.reveal().encode("utf-8", "replace")
    return _encode(hmac.digest(key, purpose.encode(), "sha256"))


def _encode(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
