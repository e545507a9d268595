"""Why an image cannot be pulled, from the words of container runtimes and registries.

Their sentences hold the image's own name, which may say anything, and the same three
digits that a status has; so the name is taken out first. The order matters: a runtime
that finds no image for its platform says *not found*, too, and a registry that hides
what is private says *denied* of what is not there.
https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff
"""

import re
from collections.abc import Mapping
from typing import Final

from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.pods import PhaseRun
from service.domain.failure import Failure, FailureClass

__all__ = ["PULLING", "unpullable"]

PULLING: Final = frozenset(
    {
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
    }
)
"""Reasons for which a container waits for its image."""
_WHY: Final[Mapping[str, re.Pattern[str]]] = {
    "it is not there for the machine's platform": re.compile(
        r"(?i)no match(?:ing manifest)? for (?:platform|[\w./]+ in the manifest)"
        r"|no image found in (?:manifest list|image index)"
    ),
    "its name cannot be read": re.compile(
        r"(?i)invalid reference|couldn't parse image|InvalidImageName"
        r"|must be lowercase"
    ),
    "its registry asks to come back later": re.compile(
        r"(?i)too ?many ?requests|\b429\b|pull rate limit"
    ),
    "it is not there, or its registry refuses it": re.compile(
        r"(?i)does not exist or may require|insufficient_scope"
    ),
    "its registry refuses it": re.compile(
        r"(?i)unauthorized|authorization failed|denied|forbidden|no basic auth"
        r"|authentication required|\b40[13]\b"
    ),
    "its registry cannot be reached": re.compile(
        r"(?i)no such host|refused|time-?out|unreachable|reset by peer|dial tcp|\bEOF\b"
        r"|x509|HTTPS client|server misbehaving|deadline exceeded|\b50[0234]\b"
    ),
    "it is not there": re.compile(
        r"(?i)not found|manifest.unknown|name.unknown|\b404\b"
    ),
    "its machine has none, and may not fetch one": re.compile(
        r"(?i)pull policy of Never|ErrImageNeverPull"
    ),
    "its machine has no room for it": re.compile(r"(?i)no space left"),
}
_EVENTS: Final = ("Failed", "InspectFailed", "InvalidImageName", "ErrImageNeverPull")
_NO_SECRET: Final = re.compile(r"image pull secrets? \((?P<names>[^)]+)\)")
_BACK_OFF: Final = re.compile(r"(?i)^back-off pulling image|^Error: \w+$")
_HINT: Final = "this is for an operator to mend; the build is tried again by itself"


def unpullable(case: Case, run: PhaseRun) -> Failure:
    """Say why a phase has no image."""
    told = "\n".join([run.message, *case.messages(*_EVENTS), run.reason])
    plain = told.replace(run.image, "").replace(_repository(run.image), "")
    found = (why for why, pattern in _WHY.items() if pattern.search(plain))
    why = next(found, "") or _words(told) or run.reason
    return Failure(
        kind=FailureClass.IMAGE_PULL,
        message=f"the image of the {run.name} phase, {run.image}, cannot be pulled: "
        f"{why}{_without_secret(case)}",
        hint=_HINT,
    )


def _repository(image: str) -> str:
    """Return an image's name without tag and digest, as messages have it, too."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}" or image


def _words(told: str) -> str:
    """Return the first line that says more than that it failed."""
    lines = (it.strip() for it in told.splitlines())
    return next((it for it in lines if it and not _BACK_OFF.search(it)), "")


def _without_secret(case: Case) -> str:
    told = case.event("FailedToRetrieveImagePullSecret")
    found = _NO_SECRET.search(told)
    return (
        f"; the Secret {found['names']} to pull it with is not there" if found else ""
    )
