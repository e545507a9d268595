"""Read a signing key: in cosign's own format, or a PEM of an EC P-256 key.

cosign encrypts a PKCS#8 key with the scheme of `encrypted` in
https://github.com/secure-systems-lab/go-securesystemslib: scrypt derives a key from the
password, and NaCl's secretbox (XSalsa20 and Poly1305) encrypts with it. The signature
schemes of verifiers: https://github.com/sigstore/cosign/blob/main/specs/\
SIGNATURE_SPEC.md#signature-schemes
"""

import base64
import binascii
import re
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from service.errors import InvalidRequestError

__all__ = ["SigningKey", "read_signing_key"]

_SCHEME: Final = ec.ECDSA(hashes.SHA256())
_COSIGN: Final = re.compile(
    r"-----BEGIN ENCRYPTED (?P<word>SIGSTORE|COSIGN) PRIVATE KEY-----\s"
    r"(?P<body>[A-Za-z0-9+/=\s]+)"
    r"-----END ENCRYPTED (?P=word) PRIVATE KEY-----"
)
_MOST_WORK: Final = 2**20
"""The limit of scrypt's N times r, which takes 128 MiB of memory; cosign uses half."""


class SigningKey:
    """A private EC P-256 key.

    Args:
        key: The private key.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """Sign data by ECDSA over SHA-256; return the signature in DER."""
        return self._key.sign(data, _SCHEME)

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        """Return whether this key made a signature of data."""
        try:
            self._key.public_key().verify(signature, data, _SCHEME)
        except InvalidSignature:
            return False
        return True

    @property
    def public_pem(self) -> str:
        """Return the public key as `cosign public-key` prints it, for verifiers."""
        public = self._key.public_key()
        return public.public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ).decode()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Parameters(_Part):
    n: Annotated[int, Field(alias="N", ge=2)]
    r: Annotated[int, Field(ge=1)]
    p: Annotated[int, Field(ge=1, le=16)]


class _Kdf(_Part):
    name: Literal["scrypt"]
    params: _Parameters
    salt: Base64Bytes


class _Cipher(_Part):
    name: Literal["nacl/secretbox"]
    nonce: Base64Bytes


class _Encrypted(_Part):
    kdf: _Kdf
    cipher: _Cipher
    ciphertext: Base64Bytes


def read_signing_key(pem: str, password: str) -> SigningKey:
    """Read a private key.

    Args:
        pem: `ENCRYPTED SIGSTORE PRIVATE KEY`, `ENCRYPTED COSIGN PRIVATE KEY`, or an EC
            key as `PRIVATE KEY`, `EC PRIVATE KEY` or `ENCRYPTED PRIVATE KEY`.
        password: The password of an encrypted key; empty for a plain key, and for one
            that cosign encrypted with an empty password.

    Raises:
        InvalidRequestError: It is no such key, or the password is wrong; the message
            contains neither.
    """
    match = _COSIGN.search(pem)
    key: object
    try:
        if match:
            key = load_der_private_key(_decrypt(match["body"], password), None)
        else:
            key = _load_pem(pem, password)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise InvalidRequestError(
            "the signing key cannot be read: expected a private key of cosign, or a "
            "PEM of an EC P-256 key"
        ) from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.key_size != 256:  # noqa: PLR2004 - P-256
        raise InvalidRequestError(
            "the signing key is of another kind; expected EC P-256 (`prime256v1`), as "
            "`cosign generate-key-pair` makes it"
        )
    return SigningKey(key)


def _load_pem(pem: str, password: str) -> object:
    """Load a PEM, encrypted or not."""
    # The library raises a TypeError both for a missing and for a superfluous password,
    # so the key is first tried without one.
    try:
        return load_pem_private_key(pem.encode(), None)
    except TypeError:
        pass
    if not password:
        raise InvalidRequestError("the signing key is encrypted: its password is unset")
    try:
        return load_pem_private_key(pem.encode(), password.encode())
    except ValueError as exc:
        raise _password_error() from exc


def _decrypt(body: str, password: str) -> bytes:
    """Decrypt the DER of a key that cosign encrypted."""
    try:
        read = _Encrypted.model_validate_json(base64.b64decode(body))
    except (ValidationError, binascii.Error) as exc:
        raise InvalidRequestError(
            "the signing key is damaged, or not encrypted as by cosign "
            "(scrypt and nacl/secretbox)"
        ) from exc
    # The parameters come with the key: without a limit, a wrong file could take all
    # memory.
    cost = read.kdf.params
    if cost.n * cost.r > _MOST_WORK or cost.n & (cost.n - 1):
        raise InvalidRequestError(
            f"the signing key needs scrypt with N={cost.n} and r={cost.r}, which is "
            "more than the limit"
        )
    derive = Scrypt(salt=read.kdf.salt, length=32, n=cost.n, r=cost.r, p=cost.p)
    try:
        box = SecretBox(derive.derive(password.encode()))
        return box.decrypt(read.ciphertext, read.cipher.nonce)
    except CryptoError as exc:
        raise _password_error() from exc


def _password_error() -> InvalidRequestError:
    return InvalidRequestError("the password does not open the signing key")
