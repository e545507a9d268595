"""Label values that are known before anything is counted.

A series that appears with its first event has no zero before it, so that `rate` and
`increase` see nothing happen: the first build that a registry refused raised no alert,
and the first push after a start was on no dashboard.

Only where it is counted, as each series is written at every scrape. Of histograms, a
dozen lines a series, only those that an alert or a panel asks after a single push; the
others are percentiles of many and begin with the first.

https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics
"""

from itertools import product
from typing import Final

from service.domain.building.failure import FailureClass
from service.domain.delivery import Forge
from service.domain.evaluation.comparison import Verdict

__all__ = [
    "ANSWERS",
    "AVOIDED",
    "BUILDS",
    "DELIVERIES",
    "EVALUATIONS",
    "FORGES",
    "PUBLISHED",
    "STAGES",
    "UPDATES",
]

FORGES: Final = [(forge.value,) for forge in Forge]
_OUTCOMES: Final = (
    ("accepted", "tracked"),
    ("ignored", "not_tracked"),
    ("refused", "bad_signature"),
    ("deferred", "unavailable"),
)
DELIVERIES: Final = [
    (forge, *outcome) for (forge,), outcome in product(FORGES, _OUTCOMES)
]
ANSWERS: Final = (202, 503)
"""Statuses of deliveries that were taken in, and of those that could not be."""
PUBLISHED: Final = [("confirmed",)]
EVALUATIONS: Final = [
    (Verdict.INITIAL.value, "first_definition"),
    (Verdict.CHANGED.value, "definition_changed"),
    (Verdict.CHANGED.value, "include_changed"),
    (Verdict.CHANGED.value, "code_changed"),
    (Verdict.CHANGED.value, "other_definition"),
    (Verdict.UNCHANGED.value, "same_commit"),
    (Verdict.UNCHANGED.value, "same_fingerprint"),
    (Verdict.COSMETIC.value, "same_meaning"),
    (Verdict.NO_DEFINITION.value, "no_definition"),
    (Verdict.REF_GONE.value, "ref_gone"),
    (Verdict.UNKNOWN.value, "remote_unavailable"),
    (Verdict.UNKNOWN.value, "remote_refused"),
]
BUILDS: Final = [
    ("succeeded", "built"),
    ("succeeded", "reused"),
    *(("failed", kind.word) for kind in FailureClass),
]
UPDATES: Final = [("moved",), ("available",)]
STAGES: Final = [("all",), ("evaluation",), ("queue",), ("build",)]
AVOIDED: Final = [("unchanged",), ("cosmetic",), ("shared",), ("reused",)]
