"""The tables, by what they hold. The migrations make them; a test compares both."""

from service.adapters.store.tables import (
    access,
    builds,
    bus,
    configuration,
    evaluations,
    notifications,
    operation,
)
from service.adapters.store.tables.metadata import METADATA

__all__ = [
    "METADATA",
    "access",
    "builds",
    "bus",
    "configuration",
    "evaluations",
    "notifications",
    "operation",
]
