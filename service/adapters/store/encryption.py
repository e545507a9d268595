"""The keys that encrypt hook secrets at rest.

https://cryptography.io/en/latest/fernet/
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from service.domain.hook import Secret
from service.errors import PermanentError

__all__ = ["Cipher", "key_file"]

log = structlog.get_logger(__name__)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def key_file(path: Path) -> Secret:
    """Read the key in a file; make one, for the owner's eyes only, if there is none.

    Raises:
        PermanentError: The file cannot be read or made.
    """
    try:
        if not path.exists():
            _make(path)
        mode = path.stat().st_mode
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeError) as exc:
        raise PermanentError(f"the key file {path}: {exc}") from exc
    if mode & _OTHERS:
        log.warning("key file is open to others; chmod 600 it", path=str(path))
    return Secret(text)


def _make(path: Path) -> None:
    """Whoever links first wins, so that nobody ever reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()


class Cipher:
    """Encrypts with the first key, decrypts with any: keys can be rotated.

    Args:
        keys: Newest first; each 32 bytes in URL-safe base64.

    Raises:
        PermanentError: There is no key, or one is no such text.
    """

    def __init__(self, keys: Sequence[Secret]) -> None:
        if not keys:
            raise PermanentError("no key to encrypt hook secrets with")
        try:
            fernets = [Fernet(key.reveal()) for key in keys]
        except ValueError:
            raise PermanentError(
                "the key for hook secrets: expected 32 bytes in URL-safe base64"
            ) from None
        self._newest = fernets[0]
        self._fernet = MultiFernet(fernets)

    def is_newest(self, token: str) -> bool:
        """Return whether the first key encrypted this."""
        try:
            self._newest.decrypt(token)
        except InvalidToken:
            return False
        return True

    def encrypt(self, text: str) -> str:
        """Encrypt a text."""
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def decrypt(self, token: str) -> str:
        """Decrypt what some of the keys encrypted.

        Raises:
            PermanentError: None of the keys did.
        """
        try:
            return self._fernet.decrypt(token).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise PermanentError(
                "a hook's secrets were encrypted with another key than the ones given"
            ) from None
