"""What keeps a build from starting: its pod refused, placed nowhere, or made to wait.

Seen from the conditions of pods, the states of containers, and events: the only place
where Kubernetes says why it made no pod of a Job, or mounts no volume.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

import re
from datetime import datetime, timedelta
from typing import Final

from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.pods import PhaseRun, PhaseState, waiting_phase
from service.adapters.kubernetes.pulling import PULLING, unpullable
from service.adapters.kubernetes.reading import is_suspended, waits_since
from service.domain.failure import Failure, FailureClass

__all__ = ["hindrance", "is_given_up", "never_ran", "not_admitted", "unstarted"]

SLOW: Final = timedelta(seconds=20)
"""After this long without a word about it, a start is told of as one that waits."""
MENDED: Final = "this is for an operator to mend; the build is tried again by itself"

_MOUNTING: Final = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
_BOXING: Final = (
    "FailedCreatePodSandBox",
    "NetworkNotReady",
    "FailedCreatePodContainer",
)
_QUOTA: Final = re.compile(
    r"exceeded quota: (?P<name>[^,\s]+), requested: (?P<asked>.+?), used: (?P<used>.+?)"
    r", limited: (?P<limit>.+)$"
)
_UNSTATED: Final = re.compile(
    r"failed quota: (?P<name>[^:\s]+): (?P<why>must specify .+)$"
)
_RANGE: Final = re.compile(r"(?:maximum|minimum|max limit) .*(?:usage|ratio) per ")
_REFUSED: Final = re.compile(
    r"(?:Error creating: )?(?:pods \"[^\"]*\" is forbidden: )?(?P<why>.*)", re.DOTALL
)
_WORDS: Final = {
    "secret": "Secret",
    "configmap": "ConfigMap",
    "config": "ConfigMap",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "serviceaccount": "ServiceAccount",
    "runtimeclass": "RuntimeClass",
}
_ABSENT: Final = re.compile(
    r"(?i)\b(?P<kind>secret|configmap|persistentvolumeclaim|serviceaccount|runtimeclass)s?"
    r" \"(?P<name>[^\"]+)\" (?:is )?not found"
)
_NO_CLASS: Final = re.compile(r"no PriorityClass with name (?P<name>\S+) was found")
_NO_KEY: Final = re.compile(
    r"couldn't find key (?P<key>\S+) in (?P<kind>\w+) \S+/(?P<name>[^\s/]+)"
)
_NO_ITEM: Final = re.compile(
    r"references non-existent (?P<kind>secret|config) key: (?P<key>\S+)"
)
_VOLUME: Final = re.compile(
    r"for volume \"(?P<volume>[^\"]+)\"[ :]+(?P<why>.*)", re.DOTALL
)
_SUMMED_UP: Final = re.compile(
    r"unmounted volumes=\[(?P<volume>[^\]\s]+)[^\]]*\].*: (?P<why>[^:]+)$"
)
_UNBOUND: Final = re.compile(r"unbound (?:immediate )?PersistentVolumeClaims?")


def unstarted(case: Case) -> Failure | None:
    """Say what kept a build from starting, or from going on to its next phase."""
    if case.pod is None:
        return _refused(case)
    if case.failed or case.status.get("reason"):
        return None
    placed = case.condition("PodScheduled")
    if placed.get("status") == "False":
        return _unplaced(case, str(placed.get("message") or ""))
    run = waiting_phase(case.pod)
    return _unready(case, run) if run is not None else None


def _unready(case: Case, run: PhaseRun) -> Failure | None:
    if run.reason in PULLING:
        return unpullable(case, run)
    if run.reason in _STARTING:
        return _absent(case, run.message) or _unstartable(run)
    # Volumes are mounted, and the network is made, before anything runs.
    return _unmounted(case) or _unboxed(case) if never_ran(case) else None


def hindrance(case: Case, *, now: datetime) -> Failure | None:
    """Say what a build waits for that should have started by now; None when nothing."""
    since = waits_since(case.job, case.pod)
    if is_suspended(case.job):
        return Failure(
            kind=FailureClass.NOT_ADMITTED,
            message="the queue of the cluster has yet to admit it",
        )
    if since is None:
        return None
    return unstarted(case) or (_slow(case) if now - since > SLOW else None)


def is_given_up(case: Case, *, now: datetime, after: timedelta) -> bool:
    """Say whether a build has waited too long for what others have to mend.

    What is only slow, such as the pull of a large image, is left to its time limit.
    """
    since = waits_since(case.job, case.pod)
    if since is None or is_suspended(case.job) or now - since <= after:
        return False
    return case.pod is None or unstarted(case) is not None


def never_ran(case: Case) -> bool:
    """Say whether nothing of a build ever ran, as far as anybody can tell."""
    if case.pod is None:
        return not _had_pod(case)
    return all(it.state is PhaseState.WAITING for it in case.runs)


def _refused(case: Case) -> Failure | None:
    """Say why a Job was given no pod."""
    told = case.event("FailedCreate")
    if not told or _had_pod(case):
        return None
    found = _REFUSED.fullmatch(told)
    why = (found["why"] if found else told).strip().rstrip(".")
    return _absent(case, why) or not_admitted(why)


def not_admitted(why: str) -> Failure:
    """Say which rule refuses a Job or its pod, from the words of the API server."""
    return _failed(FailureClass.NOT_ADMITTED, _rule_of(why))


def _had_pod(case: Case) -> bool:
    """Say whether a Job ever was given a pod.

    Not every server counts a pod that a deadline ended; those set no start for a Job
    whose pods they refuse.
    """
    status = case.job.get("status") or {}
    counted = any(status.get(it) for it in ("active", "succeeded", "failed"))
    if counted or case.event("SuccessfulCreate"):
        return True
    ended = case.job_condition("Failed").get("reason")
    if ended == "DeadlineExceeded":
        return "startTime" in status and not case.event("FailedCreate")
    return bool(ended)


def _rule_of(why: str) -> str:
    """Name the rule that refuses a pod, with what it asks for."""
    if quota := _QUOTA.search(why):
        return (
            f"the quota {quota['name']} of its namespace has no room for it: it asks "
            f"for {quota['asked']}, in use is {quota['used']}, the limit is "
            f"{quota['limit']}"
        )
    if quota := _UNSTATED.search(why):
        return f"the quota {quota['name']} of its namespace wants more: {quota['why']}"
    if _RANGE.search(why):
        return f"a LimitRange of its namespace forbids its pod: {why.strip('[]')}"
    return f"the cluster refuses it: {why}"


def _unplaced(case: Case, why: str) -> Failure:
    told = why.strip().rstrip(".")
    if absent := _absent(case, told):
        return absent
    if _UNBOUND.search(told):
        claims = ", ".join(case.claims) or "it mounts"
        message = f"the PersistentVolumeClaim {claims} has no volume yet: {told}"
        return _failed(FailureClass.MISSING_RESOURCE, message)
    return Failure(
        kind=FailureClass.UNSCHEDULABLE,
        message="no machine of the cluster takes the build"
        + (f": {told}" if told else ""),
        hint="the build is tried again; an operator can make room or change the limits",
    )


def _unmounted(case: Case) -> Failure | None:
    messages = case.messages(*_MOUNTING)
    if not messages:
        return None
    # Now and then one sums up which volumes are missing, and leaves out why.
    for told in messages:
        if absent := _absent(case, told):
            return absent
    told = next((it for it in messages if _VOLUME.search(it)), messages[0])
    found = _VOLUME.search(told) or _SUMMED_UP.search(told)
    name = found["volume"] if found else ""
    what = case.volumes.get(name) or (f"volume {name}" if name else "volume it mounts")
    why = _first_line(found["why"] if found else told)
    return _failed(
        FailureClass.MISSING_RESOURCE, f"the {what} cannot be mounted: {why}"
    )


def _unboxed(case: Case) -> Failure | None:
    told = case.event(*_BOXING)
    if not told:
        return None
    message = f"its machine cannot start its pod: {_first_line(told)}"
    return _failed(FailureClass.NOT_STARTED, message)


def _unstartable(run: PhaseRun) -> Failure:
    why = _first_line(run.message) or run.reason
    message = f"the {run.name} phase cannot be started: {why}"
    return _failed(FailureClass.NOT_STARTED, message)


def _absent(case: Case, told: str) -> Failure | None:
    """Name what is not there, where a message says so."""
    if it := _ABSENT.search(told):
        message = f"the {_WORDS[it['kind'].lower()]} {it['name']} is not there"
    elif it := _NO_CLASS.search(told):
        message = f"the PriorityClass {it['name']} is not there"
    elif it := _NO_KEY.search(told):
        message = f"the {it['kind']} {it['name']} has no key {it['key']}"
    elif it := _NO_ITEM.search(told):
        volume = _VOLUME.search(told)
        known = case.volumes.get(volume["volume"]) if volume else None
        message = f"the {known or _WORDS[it['kind']]} has no key {it['key']}"
    else:
        return None
    return _failed(FailureClass.MISSING_RESOURCE, message)


def _slow(case: Case) -> Failure:
    if case.pod is None:
        return _failed(
            FailureClass.NOT_ADMITTED, "the cluster has made no pod for it so far"
        )
    run = waiting_phase(case.pod)
    where = f"the {run.name} phase" if run else "it"
    image = f"; it may be fetching the image {run.image}" if run and run.image else ""
    return _failed(
        FailureClass.NOT_STARTED, f"its machine has not started {where} so far{image}"
    )


def _failed(kind: FailureClass, message: str) -> Failure:
    return Failure(kind=kind, message=message, hint=MENDED)


def _first_line(told: str) -> str:
    lines = [it.strip() for it in told.strip().splitlines() if it.strip()]
    return lines[0].rstrip(".:") if lines else ""


_STARTING: Final = frozenset(
    {
        "ContainerCannotRun",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
    }
)
