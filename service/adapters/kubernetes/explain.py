"""Say why a build failed, from what Kubernetes and its log tell; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.phase_failures import failed_in
from service.adapters.kubernetes.pod_failures import (
    killed,
    lost,
    removed,
    too_late,
)
from service.adapters.kubernetes.starting import unstarted
from service.domain.failure import Failure

__all__ = ["explained"]


def explained(
    job: Mapping[str, Any],
    pod: Mapping[str, Any] | None,
    log: str,
    *,
    events: Sequence[Mapping[str, Any]] = (),
    files: Mapping[str, str] | None = None,
) -> Failure:
    """Return why a Job failed, or why it never will end.

    Args:
        job: The Job; not necessarily ended.
        pod: The last that was seen of its pod; None when nothing was.
        log: The end of what the phase said that failed.
        events: Events about the Job and its pod.
        files: The definition and what it includes, by path in the repository, the
            definition first; failures then name its lines.
    """
    case = Case(job=job, pod=pod, log=log, events=events, files=files or {})
    # A deadline that passes while nothing runs is not the build's fault, and what a
    # deadline or a node ended did not fail by itself.
    return (
        unstarted(case)
        or too_late(case)
        or removed(case)
        or killed(case)
        or failed_in(case)
        or lost(case)
    )
