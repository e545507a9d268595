"""How a hook fares at its forge, and what a person does about it.

What is wrong is found by comparing the hook as the forge has it with what it has to
be, and by what arrives here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

__all__ = [
    "REFUSALS",
    "Ailment",
    "Checkup",
    "ForgeHook",
    "ailments_of",
    "concluded",
    "is_news",
    "is_over",
    "refusal_of",
]


class Ailment(Enum):
    """What keeps a hook's deliveries from being of use."""

    GONE = "gone"
    """The forge has no such hook any more."""
    INACTIVE = "inactive"
    """Somebody switched it off, or the forge gave it up for good."""
    PAUSED = "paused"
    """The forge leaves it alone for a while, after failures."""
    OTHER_URL = "other_url"
    OTHER_EVENTS = "other_events"
    OTHER_CONTENT_TYPE = "other_content_type"
    NO_SECRET = "no_secret"  # noqa: S105 - the name of an ailment
    UNCHECKED_TLS = "unchecked_tls"
    """Deliveries go to whoever answers in our name."""
    OWN_TEMPLATE = "own_template"
    """Its owner replaced the payload, so nothing can be read off it."""
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - the name of an ailment
    FOREIGN = "foreign"
    """It speaks about another repository than its own."""
    UNREADABLE = "unreadable"


REFUSALS: Final[Mapping[str, Ailment]] = {
    "bad_signature": Ailment.WRONG_SECRET,
    "foreign_repository": Ailment.FOREIGN,
    "malformed": Ailment.UNREADABLE,
    "unsupported_media": Ailment.OTHER_CONTENT_TYPE,
}
"""What a refused delivery, by its reason, says of its hook."""

_MENDS: Final[Mapping[Ailment, tuple[str, str]]] = {
    Ailment.GONE: (
        "The forge has no such webhook any more.",
        "Add it again: relaunch hook remove, then relaunch hook add.",
    ),
    Ailment.INACTIVE: (
        "The webhook is switched off at the forge.",
        "Open the repository's webhooks at the forge and switch it on.",
    ),
    Ailment.PAUSED: (
        "The forge paused the webhook after failed deliveries.",
        "Press Test at the forge: a delivery that succeeds ends the pause.",
    ),
    Ailment.OTHER_URL: (
        "The webhook delivers to another URL.",
        (
            "Paste the URL shown here at the forge, and the secret after a "
            "relaunch hook rotate: a new URL may empty it."
        ),
    ),
    Ailment.OTHER_EVENTS: (
        "The webhook does not send pushes.",
        "Tick the events shown here at the forge.",
    ),
    Ailment.OTHER_CONTENT_TYPE: (
        "The webhook does not send JSON.",
        "Choose the content type application/json at the forge.",
    ),
    Ailment.NO_SECRET: (
        "The webhook has no secret of the expected kind at the forge.",
        "Run relaunch hook rotate and paste the new secret at the forge.",
    ),
    Ailment.UNCHECKED_TLS: (
        "The webhook does not check our certificate.",
        "Enable SSL verification at the forge.",
    ),
    Ailment.OWN_TEMPLATE: (
        "The webhook has a payload template of its own.",
        "Empty the custom webhook template at the forge.",
    ),
    Ailment.WRONG_SECRET: (
        "A delivery was signed with another secret, or none.",
        "Run relaunch hook rotate and paste the new secret at the forge.",
    ),
    Ailment.FOREIGN: (
        "A delivery was about a repository that this hook is not bound to.",
        "Add a hook of its own for that repository, with a URL and secret of its own.",
    ),
    Ailment.UNREADABLE: (
        "A delivery could not be read.",
        (
            "Show it with relaunch deliveries, and restore the webhook's payload at "
            "the forge."
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeHook:
    """A hook as its forge has it; of its secret only whether there is one."""

    id: str
    url: str
    is_active: bool = True
    is_paused: bool = False
    has_events: bool = True
    """Whether it sends what we need: pushes of branches, and of tags."""
    is_json: bool = True
    has_secret: bool = True
    """Whether it proves itself, in the way that our side expects."""
    is_tls_checked: bool = True
    has_template: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was found when a hook was looked after."""

    at: datetime
    ailments: tuple[Ailment, ...] = ()
    since: datetime | None = None
    """When it began to be as it is; None for a hook that fares well."""
    repaired: tuple[Ailment, ...] = ()
    """What was wrong and was put right at the forge, this time."""
    redelivered: int = 0
    """How many failed deliveries the forge was asked to send again, this time."""
    place: str = ""
    """Up to where the forge's own log of deliveries was read."""
    trouble: str = ""
    """Why the forge could not be asked; empty when it answered, or nobody may."""

    @property
    def message(self) -> str:
        """What is wrong, as one sentence after the other."""
        return " ".join(_MENDS[it][0] for it in self.ailments)

    @property
    def mend(self) -> str:
        """What a person does about the first of it, in one sentence."""
        return _MENDS[self.ailments[0]][1] if self.ailments else ""


def ailments_of(found: ForgeHook, *, url: str) -> tuple[Ailment, ...]:
    """Say what is wrong with a hook, as its forge has it.

    Args:
        found: The hook at the forge.
        url: Where it has to deliver.
    """
    wrong = {
        Ailment.INACTIVE: not found.is_active,
        Ailment.PAUSED: found.is_paused,
        Ailment.OTHER_URL: found.url.rstrip("/") != url.rstrip("/"),
        Ailment.OTHER_EVENTS: not found.has_events,
        Ailment.OTHER_CONTENT_TYPE: not found.is_json,
        Ailment.NO_SECRET: not found.has_secret,
        Ailment.UNCHECKED_TLS: url.startswith("https:") and not found.is_tls_checked,
        Ailment.OWN_TEMPLATE: found.has_template,
    }
    return tuple(ailment for ailment, is_so in wrong.items() if is_so)


def refusal_of(status: str, reason: str) -> Ailment | None:
    """Say what the newest delivery of a hook tells about it."""
    return REFUSALS.get(reason) if status == "refused" else None


def concluded(
    earlier: Checkup | None, ailments: Iterable[Ailment], *, at: datetime
) -> Checkup:
    """Make a checkup that remembers since when things are as they are."""
    once = tuple(dict.fromkeys(ailments))
    before = earlier.ailments if earlier else ()
    is_old = bool(once) and set(once) == set(before)
    since = earlier.since if earlier and is_old else at
    return Checkup(
        at=at,
        ailments=once,
        since=since if once else None,
        place=earlier.place if earlier else "",
    )


def is_over(checkup: Checkup, *, arrived_at: datetime | None) -> bool:
    """Say whether a delivery that was taken since disproves what was found.

    It does when only refused deliveries told that something is wrong.
    """
    is_told_by_deliveries = set(checkup.ailments) <= set(REFUSALS.values())
    is_since = arrived_at is not None and arrived_at > checkup.at
    return is_told_by_deliveries and is_since


def is_news(earlier: Checkup | None, checkup: Checkup) -> bool:
    """Say whether others have to hear of it: a hook fell ill, or otherwise ill."""
    before = set(earlier.ailments) if earlier else set()
    return bool(checkup.ailments) and set(checkup.ailments) != before
