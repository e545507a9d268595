"""The facts about an unsuccessful build from which its failure is diagnosed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.adapters.kubernetes.manifests.names import COMPONENT, SMOKE_COMPONENT
from service.adapters.kubernetes.status.phases import PhaseRun, failed_phase, phases
from service.domain.building.failure import Failure, FailureClass

__all__ = ["FailureEvidence", "Json"]

Json = Mapping[str, Any]
"""An object as Kubernetes' API reference has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEvidence:
    """A Job, the last known state of its pod, and the end of its log."""

    job: Json
    pod: Json | None
    log: str
    """The last lines of the failed phase's log."""
    events: Sequence[Json] = ()
    """The events of the Job and its pod."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The definition and the files that it includes, by path in the repository, the
    definition first; messages refer to their lines."""

    @property
    def is_smoke(self) -> bool:
        """Return whether the Job is a smoke test of an image, and not a build."""
        labels = (self.job.get("metadata") or {}).get("labels") or {}
        return bool(labels.get(COMPONENT) == SMOKE_COMPONENT)

    @property
    def runs(self) -> Sequence[PhaseRun]:
        """Return the phases in the order in which they run."""
        return phases(self.pod) if self.pod else ()

    @property
    def failed(self) -> PhaseRun | None:
        """Return the phase that failed."""
        return failed_phase(self.pod) if self.pod else None

    @property
    def status(self) -> Json:
        """Return the pod's status."""
        return (self.pod or {}).get("status") or {}

    def condition(self, kind: str) -> Json:
        """Return a condition of the pod; empty when it has none of this type."""
        conditions = self.status.get("conditions") or ()
        return next((item for item in conditions if item["type"] == kind), {})

    def job_condition(self, kind: str) -> Json:
        """Return a condition of the Job that is true; empty when there is none."""
        conditions = (self.job.get("status") or {}).get("conditions") or ()
        matching = (
            condition
            for condition in conditions
            if condition["type"] == kind and condition["status"] == "True"
        )
        return next(matching, {})

    def event(self, *reasons: str) -> str:
        """Return the message of the newest event with one of the reasons."""
        events = [event for event in self.events if event.get("reason") in reasons]
        events.sort(key=_read_timestamp)
        return str(events[-1].get("message") or "") if events else ""

    def messages(self, *reasons: str) -> Sequence[str]:
        """Return the messages of all events with one of the reasons, newest first."""
        events = [event for event in self.events if event.get("reason") in reasons]
        # Timestamps have whole seconds, and several events may share one. The sort is
        # stable: the first of them, which is the most detailed, stays first.
        events.sort(key=_read_timestamp, reverse=True)
        return [str(event.get("message") or "") for event in events]

    @property
    def volumes(self) -> Mapping[str, str]:
        """Return the sources of the pod's volumes, such as `Secret x`, by name."""
        volumes = ((self.pod or {}).get("spec") or {}).get("volumes") or ()
        sources = ((volume["name"], _describe_source(volume)) for volume in volumes)
        return {name: source for name, source in sources if source}

    @property
    def claims(self) -> Sequence[str]:
        """Return the names of the PersistentVolumeClaims that the pod mounts."""
        volumes = ((self.pod or {}).get("spec") or {}).get("volumes") or ()
        claims = (volume.get("persistentVolumeClaim") or {} for volume in volumes)
        return [claim["claimName"] for claim in claims if "claimName" in claim]

    def failure(self, kind: FailureClass, message: str, hint: str = "") -> Failure:
        """Create a failure; in a smoke test, one of class `smoke_failed`."""
        # A transient failure keeps its class in a smoke test, too: an evicted pod
        # proves nothing about the image, and is tried again.
        if self.is_smoke and not kind.is_transient:
            return Failure(
                kind=FailureClass.SMOKE_FAILED,
                message=f"the new image failed its smoke test: {message}",
                hint=hint,
            )
        return Failure(kind=kind, message=message, hint=hint)


def _describe_source(volume: Json) -> str:
    kinds = (
        ("secret", "secretName", "Secret"),
        ("configMap", "name", "ConfigMap"),
        ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
    )
    for kind, name, word in kinds:
        if kind in volume:
            return f"{word} {volume[kind].get(name, '')}".strip()
    return ""


def _read_timestamp(event: Json) -> str:
    """Return an event's time in Kubernetes' notation, which sorts by time."""
    metadata = event.get("metadata") or {}
    last = event.get("lastTimestamp") or event.get("eventTime")
    return str(last or metadata.get("creationTimestamp") or "")
