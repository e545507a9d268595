"""The health of a hook: its problems at the forge, and how a person fixes them.

Problems are found by comparing the forge's settings of the hook with the expected ones,
and by the deliveries that arrive.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

__all__ = [
    "REFUSALS",
    "ForgeHook",
    "HookHealth",
    "HookProblem",
    "find_problems",
    "find_refusal",
    "is_news",
    "is_resolved",
    "make_health",
]


class HookProblem(Enum):
    """A reason why a hook's deliveries fail or are of no use."""

    GONE = "gone"
    """The forge has no such hook any more."""
    INACTIVE = "inactive"
    """A person or the forge disabled it."""
    PAUSED = "paused"
    """The forge disabled it temporarily, after failures."""
    OTHER_URL = "other_url"
    OTHER_EVENTS = "other_events"
    OTHER_CONTENT_TYPE = "other_content_type"
    NO_SECRET = "no_secret"  # noqa: S105 - the name of a problem
    UNCHECKED_TLS = "unchecked_tls"
    """The forge does not verify the TLS certificate of the service."""
    OWN_TEMPLATE = "own_template"
    """Its owner replaced the payload by a template, which cannot be parsed."""
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - the name of a problem
    FOREIGN = "foreign"
    """Its deliveries are about another repository than its own."""
    UNREADABLE = "unreadable"


REFUSALS: Final[Mapping[str, HookProblem]] = {
    "bad_signature": HookProblem.WRONG_SECRET,
    "foreign_repository": HookProblem.FOREIGN,
    "malformed": HookProblem.UNREADABLE,
    "unsupported_media": HookProblem.OTHER_CONTENT_TYPE,
}
"""The problem of the hook, by the reason why a delivery was refused."""

_REMEDIES: Final[Mapping[HookProblem, tuple[str, str]]] = {
    HookProblem.GONE: (
        "The forge has no such webhook any more.",
        "Add it again: relaunch hook remove, then relaunch hook add.",
    ),
    HookProblem.INACTIVE: (
        "The webhook is switched off at the forge.",
        "Open the repository's webhooks at the forge and switch it on.",
    ),
    HookProblem.PAUSED: (
        "The forge paused the webhook after failed deliveries.",
        "Press Test at the forge: a delivery that succeeds ends the pause.",
    ),
    HookProblem.OTHER_URL: (
        "The webhook delivers to another URL.",
        (
            "Paste the URL shown here at the forge, and the secret after a "
            "relaunch hook rotate: a new URL may empty it."
        ),
    ),
    HookProblem.OTHER_EVENTS: (
        "The webhook does not send pushes.",
        "Tick the events shown here at the forge.",
    ),
    HookProblem.OTHER_CONTENT_TYPE: (
        "The webhook does not send JSON.",
        "Choose the content type application/json at the forge.",
    ),
    HookProblem.NO_SECRET: (
        "The webhook has no secret of the expected kind at the forge.",
        "Run relaunch hook rotate and paste the new secret at the forge.",
    ),
    HookProblem.UNCHECKED_TLS: (
        "The webhook does not check our certificate.",
        "Enable SSL verification at the forge.",
    ),
    HookProblem.OWN_TEMPLATE: (
        "The webhook has a payload template of its own.",
        "Empty the custom webhook template at the forge.",
    ),
    HookProblem.WRONG_SECRET: (
        "A delivery was signed with another secret, or none.",
        "Run relaunch hook rotate and paste the new secret at the forge.",
    ),
    HookProblem.FOREIGN: (
        "A delivery was about a repository that this hook is not bound to.",
        "Add a hook of its own for that repository, with a URL and secret of its own.",
    ),
    HookProblem.UNREADABLE: (
        "A delivery could not be read.",
        (
            "Show it with relaunch deliveries, and restore the webhook's payload at "
            "the forge."
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeHook:
    """The settings of a hook at its forge; of the secret only whether there is one."""

    id: str
    url: str
    is_active: bool = True
    is_paused: bool = False
    has_events: bool = True
    """Whether it sends pushes of branches and of tags."""
    is_json: bool = True
    has_secret: bool = True
    """Whether it has a secret of the kind that this service expects."""
    is_tls_checked: bool = True
    has_template: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HookHealth:
    """The result of a health check of a hook."""

    at: datetime
    problems: tuple[HookProblem, ...] = ()
    since: datetime | None = None
    """Since when it has these problems; None for a healthy hook."""
    repaired: tuple[HookProblem, ...] = ()
    """The problems that this check repaired at the forge."""
    redelivered: int = 0
    """How many failed deliveries this check asked the forge to send again."""
    place: str = ""
    """The position in the forge's delivery log up to which it was read."""
    trouble: str = ""
    """Why the forge could not be read; empty when it answered, or without a token."""

    @property
    def message(self) -> str:
        """The problems, a sentence each."""
        return " ".join(_REMEDIES[problem][0] for problem in self.problems)

    @property
    def remedy(self) -> str:
        """How to fix the first problem, in one sentence."""
        return _REMEDIES[self.problems[0]][1] if self.problems else ""


def find_problems(found: ForgeHook, *, url: str) -> tuple[HookProblem, ...]:
    """Return the problems of a hook's settings at its forge.

    Args:
        found: The hook at the forge.
        url: The URL that it has to deliver to.
    """
    wrong = {
        HookProblem.INACTIVE: not found.is_active,
        HookProblem.PAUSED: found.is_paused,
        HookProblem.OTHER_URL: found.url.rstrip("/") != url.rstrip("/"),
        HookProblem.OTHER_EVENTS: not found.has_events,
        HookProblem.OTHER_CONTENT_TYPE: not found.is_json,
        HookProblem.NO_SECRET: not found.has_secret,
        HookProblem.UNCHECKED_TLS: url.startswith("https:")
        and not found.is_tls_checked,
        HookProblem.OWN_TEMPLATE: found.has_template,
    }
    return tuple(problem for problem, is_so in wrong.items() if is_so)


def find_refusal(status: str, reason: str) -> HookProblem | None:
    """Return the problem that the newest delivery of a hook shows; None for none."""
    return REFUSALS.get(reason) if status == "refused" else None


def make_health(
    earlier: HookHealth | None, problems: Iterable[HookProblem], *, at: datetime
) -> HookHealth:
    """Make the result of a health check, and keep since when the same problems last."""
    once = tuple(dict.fromkeys(problems))
    before = earlier.problems if earlier else ()
    is_old = bool(once) and set(once) == set(before)
    since = earlier.since if earlier and is_old else at
    return HookHealth(
        at=at,
        problems=once,
        since=since if once else None,
        place=earlier.place if earlier else "",
    )


def is_resolved(health: HookHealth, *, arrived_at: datetime | None) -> bool:
    """Return whether an accepted delivery since then shows that the problems are over.

    It does when only refused deliveries had shown them.
    """
    are_from_deliveries = set(health.problems) <= set(REFUSALS.values())
    is_since = arrived_at is not None and arrived_at > health.at
    return are_from_deliveries and is_since


def is_news(earlier: HookHealth | None, health: HookHealth) -> bool:
    """Return whether the hook became unhealthy, or has other problems than before."""
    before = set(earlier.problems) if earlier else set()
    return bool(health.problems) and set(health.problems) != before
