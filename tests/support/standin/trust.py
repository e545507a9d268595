"""Whom a Go program trusts, and what buildpacks are given to trust.

https://go.dev/src/crypto/x509/root_unix.go: the file of `SSL_CERT_FILE`, or else the
first of the system's; beside it every file in the folders of `SSL_CERT_DIR`, or else of
the system's. What a binding holds is said by
https://github.com/paketo-buildpacks/ca-certificates.
"""

import os
import ssl
from pathlib import Path

FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
FOLDERS = "/etc/ssl/certs:/etc/pki/tls/certs"
BEGIN = "-----BEGIN CERTIFICATE-----"


class BindingError(Exception):
    """A binding is not as the buildpack that reads it expects."""


def trusted() -> ssl.SSLContext:
    """Return what a Go program would trust in this environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    environment = os.environ  # noqa: TID251 - what the container was given
    named = environment.get("SSL_CERT_FILE", "")
    found = (item for item in map(Path, [named] if named else FILES) if item.is_file())
    if (file := next(found, None)) is not None:
        context.load_verify_locations(file)
    for folder in (environment.get("SSL_CERT_DIR") or FOLDERS).split(":"):
        for path in _files(Path(folder)):
            if BEGIN in path.read_text(errors="replace"):
                context.load_verify_locations(path)
    return context


def certificates_bound(platform: Path) -> int:
    """Count the authorities that buildpacks are to trust.

    Raises:
        BindingError: A binding has no type, or a file not exactly one certificate.
    """
    count = 0
    for binding in sorted((platform / "bindings").glob("*")):
        kind = binding / "type"
        if not kind.is_file():
            raise BindingError(f"binding {binding.name} has no file `type`")
        if kind.read_text().strip() != "ca-certificates":
            continue
        for path in sorted(item for item in binding.iterdir() if item != kind):
            if path.read_text().count(BEGIN) != 1:
                raise BindingError(f"{path} should hold exactly one certificate")
            count += 1
    return count


def _files(folder: Path) -> list[Path]:
    """List a folder's files as Go does, without links to others of the folder."""
    if not folder.is_dir():
        return []
    entries = sorted(folder.iterdir())
    return [
        path
        for path in entries
        if path.is_file()
        and not (path.is_symlink() and "/" not in str(path.readlink()))
    ]
