"""Registry errors in the lifecycle's log.

The messages are those of Go's registry client, https://github.com/google/go-containerregistry,
and the codes those of
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes.
"""

from typing import Final

from service.build_failures.messages import rule
from service.domain.building.failure import FailureClass

__all__ = ["OF_REGISTRY"]

_HINT: Final = "an operator has to fix this"

OF_REGISTRY: Final = (
    rule(
        r"TOOMANYREQUESTS|status code 429|Too Many Requests",
        FailureClass.NETWORK,
        "the image registry limits the request rate",
        "the build is retried",
    ),
    rule(
        r"(?:^|:)(?P<why>[^\n:]*?(?:[Qq]uota|configured upper limit|no space)[^\n]*)",
        FailureClass.REGISTRY_REFUSED,
        "the registry has no room for the image: {why}",
        "delete old images, or raise the quota",
    ),
    rule(
        r"UNAUTHORIZED|DENIED|FORBIDDEN|unauthorized|authentication required"
        r"|access to the resource is denied|insufficient_scope|status code 40[13]"
        r"|40[13] (?:Forbidden|Unauthorized)",
        FailureClass.REGISTRY_REFUSED,
        "the registry refuses the builder's credentials: {host}",
        _HINT,
    ),
    rule(
        r"x509:",
        FailureClass.CERTIFICATE,
        "the certificate of the registry is not trusted: {host}",
        "put the certificate of its authority into the ConfigMap or Secret that"
        " RELAUNCH_KUBERNETES_CA_BUNDLE names",
    ),
    rule(
        r"dial tcp|connection re(?:fused|set)|i/o timeout|no such host"
        r"|TLS handshake timeout|unexpected EOF|status code 5\d\d"
        r"|context deadline exceeded|server misbehaving|HTTP response to HTTPS client",
        FailureClass.NETWORK,
        "the image registry could not be reached, or answered with an error: {host}",
        "the build is retried",
    ),
    rule(
        r"MANIFEST_UNKNOWN|NAME_UNKNOWN|status code 404",
        FailureClass.IMAGE_PULL,
        "the run image is not in its registry",
        _HINT,
    ),
    # Analyze goes on without the run image when a registry answers 404 or 401
    # (phase/analyzer.go of the lifecycle, remote/new.go of imgutil); export misses it.
    rule(
        r"run image not found in analyzed metadata",
        FailureClass.IMAGE_PULL,
        "the run image is not in its registry, or its registry does not show it to the"
        " builder",
        "an operator has to fix RELAUNCH_KUBERNETES_RUN_IMAGE, or the credentials in"
        " RELAUNCH_KUBERNETES_REGISTRY_SECRET; the build is retried",
    ),
)
