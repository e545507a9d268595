"""CA certificates that are trusted in addition to the system's.

OpenSSL, git and curl read a CA file instead of the system's bundle, not in addition to
it. So an additional authority needs one file that has both.
"""

import hashlib
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from service.errors import InvalidRequestError

__all__ = ["SYSTEM_BUNDLES", "TRUSTING", "combine_certificates", "tls_of"]

SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""The CA bundles of Debian, Fedora, openSUSE, OpenELEC, CentOS and Alpine:
https://go.dev/src/crypto/x509/root_linux.go"""

TRUSTING: Final = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)
"""Variables that name the CA file to OpenSSL and uv, requests and conda, curl, git and
Node; pip reads the first two."""


def combine_certificates(bundle: Path, *, system: str, folder: Path) -> dict[str, str]:
    """Write the system's certificates and others into one CA file.

    Args:
        bundle: The additional certificates, in PEM.
        system: A CA file to use instead of the system's; empty for the system's.
        folder: Where the file is written; its name is a hash of its content.

    Returns:
        The environment variables that make programs use the file.

    Raises:
        InvalidRequestError: The bundle cannot be read, or holds no certificate.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(bundle)
        added = bundle.read_bytes()
    except (OSError, ssl.SSLError) as exc:
        why = exc.strerror if isinstance(exc, FileNotFoundError) else "no certificate"
        raise InvalidRequestError(
            f"settings: RELAUNCH_CA_BUNDLE: {bundle}: {why}; expected a file of"
            " certificates in PEM"
        ) from exc
    paths = [Path(text) for text in ([system] if system else SYSTEM_BUNDLES)]
    known = next((path.read_bytes() for path in paths if path.is_file()), b"")
    both = known.rstrip() + b"\n" + added
    name = hashlib.sha256(both).hexdigest()[:16]
    path = folder / f"certificates-{name}.pem"
    if not path.is_file():
        # Written under another name and renamed: a process that starts meanwhile must
        # not read half a file.
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(both)
        partial.replace(path)
    return dict.fromkeys(TRUSTING, str(path))


def tls_of(environment: Mapping[str, str]) -> ssl.SSLContext | Literal[True]:
    """Return the TLS context of HTTP clients: of `SSL_CERT_FILE`, or the default."""
    path = environment.get("SSL_CERT_FILE", "")
    if not Path(path).is_file():
        return True
    return ssl.create_default_context(cafile=path)
