"""Keys that sign: those of cosign, plain ones, and everything else that is given."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from service.adapters.kubernetes.signing.keys import read_signing_key
from service.errors import InvalidRequestError
from tests.support.cosign import KeyPair, armoured, verified

SECRET = "a long pass phrase"


@pytest.mark.parametrize("word", ["SIGSTORE", "COSIGN"])
@pytest.mark.parametrize("cost", [32768, 65536])
def test_a_key_of_cosign_is_opened_by_its_password(word: str, cost: int) -> None:
    pair = KeyPair.new()

    read = read_signing_key(pair.encrypted(SECRET, word=word, cost=cost), SECRET)

    assert read.public_pem == pair.public


def test_a_key_of_cosign_may_have_no_password() -> None:
    pair = KeyPair.new()

    assert read_signing_key(pair.encrypted(""), "").public_pem == pair.public


@pytest.mark.parametrize(
    "shape", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]
)
@pytest.mark.parametrize("password", ["", "of no use"])
def test_a_plain_key_needs_no_password(shape: PrivateFormat, password: str) -> None:
    pair = KeyPair.new()

    assert read_signing_key(pair.plain(shape), password).public_pem == pair.public


def test_a_key_that_openssl_encrypted_is_opened_too() -> None:
    pair = KeyPair.new()
    pem = pair.locked(SECRET)

    assert read_signing_key(pem, SECRET).public_pem == pair.public
    with pytest.raises(InvalidRequestError, match="password is unset"):
        read_signing_key(pem, "")
    with pytest.raises(InvalidRequestError, match="password does not open"):
        read_signing_key(pem, "another")


def test_a_signature_is_what_openssl_takes_for_one(tmp_path: Path) -> None:
    pair = KeyPair.new()
    key = read_signing_key(pair.plain(), "")
    signature = key.sign(b"data")

    assert verified(b"data", signature, pair, tmp_path)
    assert key.has_signed(b"data", signature)
    assert not key.has_signed(b"date", signature)
    assert not key.has_signed(b"data", b"no signature")
    other = read_signing_key(KeyPair.new().plain(), "")
    assert not other.has_signed(b"data", signature)


def wrapped(**changes: Any) -> str:
    """A key of cosign with something in it changed."""
    pem = KeyPair.new().encrypted(SECRET)
    read = json.loads(base64.b64decode("".join(pem.splitlines()[1:-1])))
    return armoured("SIGSTORE", json.dumps(read | changes).encode())


def scrypt(**changes: Any) -> dict[str, Any]:
    salt = base64.b64encode(b"s" * 32).decode()
    params = {"N": 32768, "r": 8, "p": 1} | changes
    return {"name": "scrypt", "params": params, "salt": salt}


@pytest.mark.parametrize(
    ("pem", "expected"),
    [
        ("", "cannot be read"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "cannot be"),
        (KeyPair.new().public, "cannot be read"),
        (armoured("SIGSTORE", b"no document"), "damaged"),
        (armoured("SIGSTORE", b"[]"), "damaged"),
        (wrapped(ciphertext="AAAA"), "password does not open"),
        (wrapped(kdf={"name": "argon2"}), "damaged"),
        (wrapped(cipher={"name": "aes", "nonce": "AAAA"}), "damaged"),
        (wrapped(cipher={"name": "nacl/secretbox", "nonce": "AAAA"}), "does not open"),
        (wrapped(kdf=scrypt(N=2**40)), "more than the limit"),
        (wrapped(kdf=scrypt(N=32767)), "more than the limit"),
        (wrapped(kdf=scrypt(p=1000)), "damaged"),
        (wrapped(kdf=scrypt()), "password does not open"),
        (KeyPair.new(ec.SECP384R1()).plain(), "another kind"),
        (
            ed25519.Ed25519PrivateKey.generate()
            .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            .decode(),
            "another kind",
        ),
    ],
    ids=range(15),
)
def test_what_is_no_such_key_is_refused_and_never_shown(
    pem: str, expected: str
) -> None:
    with pytest.raises(InvalidRequestError, match=expected) as caught:
        read_signing_key(pem, SECRET)

    shown = str(caught.value)
    assert SECRET not in shown
    assert not any(line in shown for line in pem.splitlines()[1:-1])
