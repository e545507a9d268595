"""Image pull failures, classified by the messages of container runtimes and registries.

https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff
"""

import re
from collections.abc import Mapping
from typing import Final

from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.status.phases import PhaseRun
from service.domain.building.failure import Failure, FailureClass

__all__ = ["PULL_REASONS", "pull_failure"]

PULL_REASONS: Final = frozenset(
    {
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
    }
)
"""Waiting reasons of a container whose image is not pulled yet."""
# The order matters, since the first match wins: a runtime that has no image for its
# platform reports *not found* as well, and a registry that hides private repositories
# reports *denied* for an image that does not exist.
_CAUSES: Final[Mapping[str, re.Pattern[str]]] = {
    "it does not exist for the node's platform": re.compile(
        r"(?i)no match(?:ing manifest)? for (?:platform|[\w./]+ in the manifest)"
        r"|no image found in (?:manifest list|image index)"
    ),
    "its name is invalid": re.compile(
        r"(?i)invalid reference|couldn't parse image|InvalidImageName"
        r"|must be lowercase"
    ),
    "its registry limits the request rate": re.compile(
        r"(?i)too ?many ?requests|\b429\b|pull rate limit"
    ),
    "it does not exist, or its registry refuses it": re.compile(
        r"(?i)does not exist or may require|insufficient_scope"
    ),
    "its registry refuses it": re.compile(
        r"(?i)unauthorized|authorization failed|denied|forbidden|no basic auth"
        r"|authentication required|\b40[13]\b"
    ),
    "the node cannot resolve the name of its registry": re.compile(
        r"(?i)no such host|server misbehaving|name resolution"
    ),
    "the node does not trust the certificate of its registry": re.compile(
        r"(?i)x509|certificate"
    ),
    "its registry speaks plain HTTP, but the node expects TLS": re.compile(
        r"(?i)HTTP response to HTTPS client|first record does not look like a TLS"
    ),
    "its registry cannot be reached": re.compile(
        r"(?i)refused|time-?out|unreachable|reset by peer|dial tcp|\bEOF\b"
        r"|deadline exceeded|\b50[0234]\b"
    ),
    "it does not exist": re.compile(
        r"(?i)not found|manifest.unknown|name.unknown|\b404\b"
    ),
    "the node does not have it, and its pull policy is Never": re.compile(
        r"(?i)pull policy of Never|ErrImageNeverPull"
    ),
    "the disk of the node has no room for it": re.compile(r"(?i)no space left"),
}
_EVENTS: Final = ("Failed", "InspectFailed", "InvalidImageName", "ErrImageNeverPull")
_NO_SECRET: Final = re.compile(r"image pull secrets? \((?P<names>[^)]{1,500})\)")
_BACK_OFF: Final = re.compile(r"(?i)^back-off pulling image|^Error: \w+$")
_HINT: Final = "an operator has to fix this; the build is retried automatically"


def pull_failure(evidence: FailureEvidence, run: PhaseRun) -> Failure:
    """Return why the image of a phase cannot be pulled."""
    # The container's state may lose the cause after the first attempt (`Back-off
    # pulling image`); the events keep it for an hour.
    text = "\n".join([run.message, *evidence.messages(*_EVENTS), run.reason])
    # The image's own name may contain anything, including `denied` or `404`.
    plain = text.replace(run.image, "").replace(_strip_version(run.image), "")
    causes = (cause for cause, pattern in _CAUSES.items() if pattern.search(plain))
    cause = next(causes, "") or _first_detail(text) or run.reason
    return Failure(
        kind=FailureClass.IMAGE_PULL,
        message=f"the image of the {run.name} phase, {run.image}, cannot be pulled: "
        f"{cause}{_missing_secret(evidence)}",
        hint=_HINT,
    )


def _strip_version(image: str) -> str:
    """Return an image's name without tag and digest, as some messages show it."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}" or image


def _first_detail(text: str) -> str:
    """Return the first line with more detail than a back-off or a bare error code."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not _BACK_OFF.search(line)), "")


def _missing_secret(evidence: FailureEvidence) -> str:
    message = evidence.event("FailedToRetrieveImagePullSecret")
    match = _NO_SECRET.search(message)
    return f"; its pull Secret {match['names']} does not exist" if match else ""
