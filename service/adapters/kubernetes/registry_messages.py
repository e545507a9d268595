"""What the lifecycle says of a registry that does not do as asked.

The words are those of Go's registry client, https://github.com/google/go-containerregistry,
and the codes those of
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes.
"""

from typing import Final

from service.domain.failure import FailureClass
from service.installers.messages import rule

__all__ = ["OF_REGISTRY"]

_ONES: Final = "this is for an operator to mend"

OF_REGISTRY: Final = (
    rule(
        r"TOOMANYREQUESTS|status code 429|Too Many Requests",
        FailureClass.NETWORK,
        "the registry of images asks to come back later",
        "the build is tried again",
    ),
    rule(
        r"(?P<why>[^\n:]*(?:[Qq]uota|configured upper limit|no space)[^\n]*)",
        FailureClass.REGISTRY_REFUSED,
        "the registry has no room for the image: {why}",
        "delete old images, or ask for a larger quota",
    ),
    rule(
        r"UNAUTHORIZED|DENIED|FORBIDDEN|unauthorized|authentication required"
        r"|access to the resource is denied|insufficient_scope|status code 40[13]"
        r"|40[13] (?:Forbidden|Unauthorized)",
        FailureClass.REGISTRY_REFUSED,
        "the registry refuses the builder's credentials: {host}",
        _ONES,
    ),
    rule(
        r"dial tcp|connection re(?:fused|set)|i/o timeout|no such host"
        r"|TLS handshake timeout|x509:|unexpected EOF|status code 5\d\d"
        r"|context deadline exceeded|server misbehaving|HTTP response to HTTPS client",
        FailureClass.NETWORK,
        "the registry of images could not be reached, or did not answer as it should: "
        "{host}",
        "the build is tried again",
    ),
    rule(
        r"MANIFEST_UNKNOWN|NAME_UNKNOWN|status code 404",
        FailureClass.IMAGE_PULL,
        "the run image is not in its registry",
        _ONES,
    ),
)
