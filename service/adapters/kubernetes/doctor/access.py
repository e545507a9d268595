"""Check that the API server answers, and grants the rights that builds need."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from service.adapters.kubernetes.client import Json
from service.adapters.kubernetes.doctor.inspector import Inspector, Right
from service.domain.diagnosis import CheckResult

__all__ = ["NEEDED", "check_rights", "check_version", "minor_of"]

NEEDED: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ("batch", "jobs"): ("create", "get", "list", "watch", "delete"),
    ("", "pods"): ("get", "list", "watch", "delete"),
    ("", "pods/log"): ("get",),
    ("", "events"): ("list",),
}
"""The rights that the consumer uses, as in the chart's Role and the documentation."""

OLDEST: Final = 20
"""The oldest tested Kubernetes, 1.x."""
_FORBIDDEN: Final = (
    Right(verb="get", resource="secrets"),
    Right(verb="create", resource="pods"),
    Right(verb="create", resource="pods/exec"),
)
"""Rights that the consumer must not need: an attacker who controls it would get access
beyond builds."""
_SUBJECT: Final = "API server"


def minor_of(version: Json) -> int:
    """Return 20 of version 1.20; some vendors write `20+`."""
    match = re.match(r"\d+", str(version.get("minor") or ""))
    return int(match[0]) if match else 0


async def check_version(inspector: Inspector) -> Sequence[CheckResult]:
    """Check that the API server answers, and its version."""
    version = await inspector.version()
    seen = f"{inspector.server} answers, Kubernetes {version.get('gitVersion', '?')}"
    if minor_of(version) < OLDEST:
        seen += f"; versions before 1.{OLDEST} are not tested"
        return [CheckResult.warning(_SUBJECT, seen)]
    return [CheckResult.ok(_SUBJECT, seen)]


async def check_rights(inspector: Inspector) -> Sequence[CheckResult]:
    """Check each right that builds need; name all missing ones."""
    account = inspector.account.user if inspector.account else "this account"
    missing = [
        right for right in _list_needed_rights() if not await inspector.allows(right)
    ]
    if missing:
        names = ", ".join(str(right) for right in missing)
        return [
            CheckResult.failed(
                "rights",
                f"{account} may not, in namespace {inspector.namespace}: {names}",
                "apply the Role of docs/kubernetes.md, and bind it to this account",
            )
        ]
    results = [CheckResult.ok("rights", f"{account} has all rights that builds need")]
    excess = [str(item) for item in _FORBIDDEN if await inspector.allows(item)]
    if excess:
        results.append(
            CheckResult.warning(
                "rights beyond",
                f"{account} may also: {', '.join(excess)}, which builds do not need",
                "let the consumer use an account of its own, with the Role of "
                "docs/kubernetes.md; --account checks its rights",
            )
        )
    return results


def _list_needed_rights() -> Sequence[Right]:
    return [
        Right(verb=verb, resource=resource, group=group)
        for (group, resource), verbs in NEEDED.items()
        for verb in verbs
    ]
