"""Credentials for registries, read from Docker's `config.json`."""

import base64
import json
from pathlib import Path
from typing import Final

from aiohttp import encode_basic_auth

__all__ = ["credential"]

_KNOWN_AS: Final = {"docker.io": "https://index.docker.io/v1/"}
"""The key of `docker login` for a registry whose images have another host name."""


def credential(path: Path | None, host: str, repository: str) -> str:
    """Return the `Authorization` header for a repository; empty without credentials.

    The file: https://docs.docker.com/reference/cli/docker/login/#credential-stores. The
    longest key that is a prefix of the image's name wins, as on nodes:
    https://kubernetes.io/docs/concepts/containers/images/#config-json
    """
    if path is None:
        return ""
    # Read at each use: mounted Secrets are updated in place when an operator rotates
    # them.
    auths = json.loads(path.read_text()).get("auths", {})
    parts = [host, *repository.split("/")]
    names = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    names.append(_KNOWN_AS.get(host, ""))
    known = next((auths[name] for name in names if name in auths), None)
    if known is None:
        return ""
    if "auth" in known:
        user, _, password = base64.b64decode(known["auth"]).decode().partition(":")
        return encode_basic_auth(user, password, "utf-8")
    return encode_basic_auth(known["username"], known["password"], "utf-8")
