"""Diagnose a failed build from its Kubernetes objects and its log; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.diagnosis.phases import phase_failure
from service.adapters.kubernetes.diagnosis.pods import (
    deadline_failure,
    kill_failure,
    loss_failure,
    removal_failure,
)
from service.adapters.kubernetes.diagnosis.starting import start_failure
from service.domain.building.failure import Failure

__all__ = ["diagnose"]


def diagnose(
    job: Mapping[str, Any],
    pod: Mapping[str, Any] | None,
    log: str,
    *,
    events: Sequence[Mapping[str, Any]] = (),
    files: Mapping[str, str] | None = None,
) -> Failure:
    """Diagnose why a Job failed, or why it will never finish.

    Args:
        job: The Job; it need not have finished.
        pod: The last known state of its pod; None when no pod was seen.
        log: The last lines of the failed phase's log.
        events: The events of the Job and its pod.
        files: The definition and what it includes, by path in the repository, the
            definition first; failures then refer to its lines.
    """
    evidence = FailureEvidence(
        job=job, pod=pod, log=log, events=events, files=files or {}
    )
    # Causes outside the build come first. A deadline that passes before any container
    # runs is not the build's fault, and a phase that a deadline, an eviction or the OOM
    # killer ended has an exit code, too, which is not that of the build's tools.
    return (
        start_failure(evidence)
        or deadline_failure(evidence)
        or removal_failure(evidence)
        or kill_failure(evidence)
        or phase_failure(evidence)
        or loss_failure(evidence)
    )
