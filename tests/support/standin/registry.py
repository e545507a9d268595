"""A registry over HTTP, as far as pushing and pulling small images needs one.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import base64
import functools
import gzip
import hashlib
import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.support.standin.trust import trusted

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_READ = f"{MANIFEST}, application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A layer: its bytes in a registry, and its digest when not compressed."""

    data: bytes
    diff_id: str

    @classmethod
    def of(cls, raw: bytes) -> "Packed":
        data = gzip.compress(raw, compresslevel=1, mtime=0)
        return cls(data=data, diff_id=digest_of(raw))


class RegistryError(Exception):
    """The registry did not do it; the message is as Go's registry client words it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What an image is called: `host:port/repository:tag` or `…@digest`."""

    host: str
    repository: str
    version: str

    @classmethod
    def parse(cls, text: str) -> "Reference":
        host, _, rest = text.partition("/")
        if "@" in rest:
            repository, _, version = rest.partition("@")
            return cls(host=host, repository=repository.split(":")[0], version=version)
        repository, _, version = rest.partition(":")
        return cls(host=host, repository=repository, version=version or "latest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def authorization(docker_config: Path, host: str) -> str:
    """Read what to show a registry off a `config.json`; empty when there is none."""
    path = docker_config / "config.json"
    if not path.is_file():
        return ""
    kept = json.loads(path.read_text()).get("auths", {}).get(host, {})
    if "username" in kept:
        pair = f"{kept['username']}:{kept['password']}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return f"Basic {kept['auth']}" if "auth" in kept else ""


class Registry:
    """One host that keeps images."""

    def __init__(self, host: str, *, credential: str = "") -> None:
        self._host = host
        self._credential = credential

    def manifest(self, repository: str, version: str) -> Answer | None:
        path = f"/v2/{repository}/manifests/{version}"
        answer = self._ask("GET", path, headers={"Accept": _READ}, fine=(200, 404))
        return answer if answer.status == 200 else None

    def blob(self, repository: str, digest: str) -> bytes:
        return self._ask("GET", f"/v2/{repository}/blobs/{digest}", fine=(200,)).body

    def may_push(self, repository: str) -> None:
        """Begin an upload and give it up, as the lifecycle's analyzer does."""
        where = self._begin(repository, "").headers["location"]
        self._ask("DELETE", _path(where), fine=(204, 404))

    def mount(self, repository: str, digest: str, *, source: str) -> None:
        """Have a blob of another repository of the same registry."""
        query = f"?mount={digest}&from={quote(source, safe='')}"
        if self._begin(repository, query).status != 201:
            raise RegistryError(f"{digest} is not in {source}")

    def push_blob(self, repository: str, data: bytes) -> str:
        digest = digest_of(data)
        head = f"/v2/{repository}/blobs/{digest}"
        if self._ask("HEAD", head, fine=(200, 404)).status == 200:
            return digest
        where = _path(self._begin(repository, "").headers["location"])
        path = f"{where}{'&' if '?' in where else '?'}digest={quote(digest)}"
        self._ask("PUT", path, data, fine=(201,))
        return digest

    def push_manifest(self, repository: str, version: str, data: bytes) -> None:
        kind = json.loads(data)["mediaType"]
        path = f"/v2/{repository}/manifests/{version}"
        self._ask("PUT", path, data, headers={"Content-Type": kind}, fine=(201,))

    def _begin(self, repository: str, query: str) -> Answer:
        path = f"/v2/{repository}/blobs/uploads/{query}"
        return self._ask("POST", path, fine=(201, 202))

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        fine: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        shown = {"Authorization": self._credential} if self._credential else {}
        try:
            answer = self._send(method, path, body, {**(headers or {}), **shown})
        except ssl.SSLCertVerificationError as exc:
            raise RegistryError(
                f'Get "https://{self._host}/v2/": tls: failed to verify certificate: '
                "x509: certificate signed by unknown authority"
            ) from exc
        except OSError as exc:
            host, _, port = self._host.rpartition(":")
            raise RegistryError(
                f'{method.title()} "{self._url(path)}": dial tcp {host}:{port}: '
                f"connect: {(exc.strerror or str(exc)).lower()}"
            ) from exc
        if answer.status not in fine:
            raise RegistryError(f"{method} {self._url(path)}: {_reason(answer)}")
        return answer

    def _send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        connection = (
            http.client.HTTPSConnection(self._host, timeout=30, context=trusted())
            if _speaks_tls(self._host)
            else http.client.HTTPConnection(self._host, timeout=30)
        )
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=names, body=answer.read())
        finally:
            connection.close()

    def _url(self, path: str) -> str:
        return f"{'https' if _speaks_tls(self._host) else 'http'}://{self._host}{path}"


@functools.cache
def _speaks_tls(host: str) -> bool:
    """Ask with TLS first, and fall back to HTTP where the lifecycle's client does.

    `ping` in pkg/v1/remote/transport/ping.go of google/go-containerregistry.
    """
    if not _may_be_plain(host):
        return True
    name, _, port = host.rpartition(":")
    try:
        with (
            socket.create_connection((name, int(port)), timeout=10) as plain,
            trusted().wrap_socket(plain, server_hostname=name),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return True  # which is what the request will then say
    except (OSError, ValueError):
        return False


def _may_be_plain(host: str) -> bool:
    """Allow HTTP to private addresses, as `Scheme` in pkg/name/registry.go does."""
    name = host.rpartition(":")[0] or host
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return name == "localhost" or name.endswith(".local")


def _path(location: str) -> str:
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _reason(answer: Answer) -> str:
    try:
        (first, *_) = answer.json()["errors"]
    except (ValueError, KeyError, TypeError):
        return f"unexpected status code {answer.status}"
    return f"{first['code']}: {first['message']}"


def read_image(
    registry: Registry, image: Reference
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return manifest and configuration; None when the image is not there."""
    found = registry.manifest(image.repository, image.version)
    if found is None:
        return None
    manifest = found.json()
    config = registry.blob(image.repository, manifest["config"]["digest"])
    return manifest, json.loads(config)


def push_image(
    registry: Registry,
    image: Reference,
    config: Mapping[str, Any],
    layers: Sequence[Packed],
) -> None:
    """Push an image of layers alone, with a platform as registries want one."""
    names = [layer.diff_id for layer in layers]
    for layer in layers:
        registry.push_blob(image.repository, layer.data)
    written = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": names},
        **config,
    }
    told = [described(layer.data) for layer in layers]
    push_manifest_of(
        registry,
        image.repository,
        [f"{image.host}/{image.repository}:{image.version}"],
        written,
        told,
    )


def push_manifest_of(
    registry: Registry,
    repository: str,
    tags: Sequence[str],
    config: Mapping[str, Any],
    layers: Sequence[Mapping[str, Any]],
) -> bytes:
    """Push a configuration and what holds it together; return the manifest."""
    raw = json.dumps(config).encode()
    registry.push_blob(repository, raw)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(raw, CONFIG),
        "layers": list(layers),
    }
    written = json.dumps(manifest).encode()
    for tag in tags:
        registry.push_manifest(repository, Reference.parse(tag).version, written)
    return written


def described(data: bytes, kind: str = LAYER) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}
