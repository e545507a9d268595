"""What is known of a build that did not succeed, for those who say why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.adapters.kubernetes.names import COMPONENT, SMOKE_COMPONENT
from service.adapters.kubernetes.pods import PhaseRun, failed_phase, phases
from service.domain.failure import Failure, FailureClass

__all__ = ["Case", "Json"]

Json = Mapping[str, Any]
"""An object as Kubernetes' API reference has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A Job, the last that was seen of its pod, and the end of its log."""

    job: Json
    pod: Json | None
    log: str
    """The end of what the phase said that failed."""
    events: Sequence[Json] = ()
    """Events about the Job and its pod."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The definition and what it includes, by path in the repository, the definition
    first: messages are about their lines."""

    @property
    def is_smoke(self) -> bool:
        """Say whether it was the image that was tried, and not built."""
        labels = (self.job.get("metadata") or {}).get("labels") or {}
        return bool(labels.get(COMPONENT) == SMOKE_COMPONENT)

    @property
    def runs(self) -> Sequence[PhaseRun]:
        """Return the phases, in their order."""
        return phases(self.pod) if self.pod else ()

    @property
    def failed(self) -> PhaseRun | None:
        """Return the phase that ended badly."""
        return failed_phase(self.pod) if self.pod else None

    @property
    def status(self) -> Json:
        """Return the pod's status."""
        return (self.pod or {}).get("status") or {}

    def condition(self, kind: str) -> Json:
        """Return a condition of the pod; an empty one when it has none."""
        found = self.status.get("conditions") or ()
        return next((it for it in found if it["type"] == kind), {})

    def job_condition(self, kind: str) -> Json:
        """Return a condition of the Job that holds; an empty one when none does."""
        found = (self.job.get("status") or {}).get("conditions") or ()
        holding = (it for it in found if it["type"] == kind and it["status"] == "True")
        return next(holding, {})

    def event(self, *reasons: str) -> str:
        """Return the message of the newest event for one of the reasons."""
        told = [it for it in self.events if it.get("reason") in reasons]
        told.sort(key=_when)
        return str(told[-1].get("message") or "") if told else ""

    def messages(self, *reasons: str) -> Sequence[str]:
        """Return the messages of all events for one of the reasons, the newest first.

        Several are told within one second, of which the first says the most.
        """
        told = [it for it in self.events if it.get("reason") in reasons]
        told.sort(key=_when, reverse=True)
        return [str(it.get("message") or "") for it in told]

    @property
    def volumes(self) -> Mapping[str, str]:
        """Return what the pod's volumes are made of, in Kubernetes' words, by name."""
        found = ((self.pod or {}).get("spec") or {}).get("volumes") or ()
        named = ((it["name"], _made_of(it)) for it in found)
        return {name: made for name, made in named if made}

    @property
    def claims(self) -> Sequence[str]:
        """Return the names of the claims that the pod mounts."""
        found = ((self.pod or {}).get("spec") or {}).get("volumes") or ()
        mounted = (it.get("persistentVolumeClaim") or {} for it in found)
        return [it["claimName"] for it in mounted if "claimName" in it]

    def failure(self, kind: FailureClass, message: str, hint: str = "") -> Failure:
        """Return a failure; of an image that was tried, that the trial failed."""
        if self.is_smoke and not kind.is_transient:
            return Failure(
                kind=FailureClass.SMOKE_FAILED,
                message=f"the new image was tried, and {message}",
                hint=hint,
            )
        return Failure(kind=kind, message=message, hint=hint)


def _made_of(volume: Json) -> str:
    kinds = (
        ("secret", "secretName", "Secret"),
        ("configMap", "name", "ConfigMap"),
        ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
    )
    for kind, name, word in kinds:
        if kind in volume:
            return f"{word} {volume[kind].get(name, '')}".strip()
    return ""


def _when(event: Json) -> str:
    """Return an instant as Kubernetes writes it, which sorts by time."""
    about = event.get("metadata") or {}
    last = event.get("lastTimestamp") or event.get("eventTime")
    return str(last or about.get("creationTimestamp") or "")
