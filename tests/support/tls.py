"""Certificates for tests: an authority, a server and a client."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

__all__ = ["Certificates", "tls_before"]

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Files in PEM."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path

    @classmethod
    def made_in(cls, folder: Path, *, address: str = "127.0.0.1") -> Self:
        """Make an authority that nobody else knows, and what it vouches for."""
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _certificate(
            "test authority", ca_key, issuer=None, issuer_key=ca_key, address=address
        )
        files = cls(
            ca=folder / "ca.pem",
            server=folder / "server.pem",
            server_key=folder / "server.key",
            client=folder / "client.pem",
            client_key=folder / "client.key",
        )
        files.ca.write_bytes(ca.public_bytes(Encoding.PEM))
        for name, where, where_key in (
            ("localhost", files.server, files.server_key),
            ("relaunch", files.client, files.client_key),
        ):
            key = ec.generate_private_key(ec.SECP256R1())
            made = _certificate(
                name, key, issuer=ca, issuer_key=ca_key, address=address
            )
            where.write_bytes(made.public_bytes(Encoding.PEM))
            where_key.write_bytes(
                key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            )
        return files


@asynccontextmanager
async def tls_before(
    certificates: Certificates, *, target: tuple[str, int], host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Speak TLS for a server that does not, on a port of the host's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)

    async def pass_on(reader: Reader, writer: Writer) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: Reader, writer: Writer) -> None:
        inner, outer = await asyncio.open_connection(*target)
        async with asyncio.TaskGroup() as group:
            group.create_task(pass_on(reader, outer))
            group.create_task(pass_on(inner, writer))

    server = await asyncio.start_server(accept, host, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    address: str,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)  # noqa: TID251 - TLS compares with the machine's clock
    names = x509.SubjectAlternativeName(
        [x509.DNSName(name.replace(" ", "-")), x509.IPAddress(IPv4Address(address))]
    )
    authority = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(
            x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
