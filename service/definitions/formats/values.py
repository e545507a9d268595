"""Values of parsed documents of untrusted repositories: access, and one spelling."""

import json
from collections.abc import Mapping

__all__ = ["Table", "canonical", "list_tables", "table", "text", "texts"]

Table = Mapping[str, object]


def table(value: object, *keys: str) -> Table:
    """Return a nested table; an empty one where it is missing or no table."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def list_tables(value: object) -> tuple[Table, ...]:
    """Return the tables of an array, and nothing for anything else."""
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, Mapping))


def text(value: object) -> str | None:
    """Return a string, and None for anything else."""
    return value if isinstance(value, str) else None


def texts(value: object) -> tuple[str, ...]:
    """Return a string, or the strings of an array, and nothing for anything else."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, str))


def canonical(value: object) -> str:
    """Return the canonical JSON of a parsed value: equal for equal values only.

    The order of keys does not count; the order of an array does.

    Raises:
        RecursionError: It is nested without end.
    """
    # Digests of stored evaluations depend on this form. Another spelling would make
    # every known definition count as changed with its next push.
    return json.dumps(value, sort_keys=True, default=_tagged, separators=(",", ":"))


def _tagged(value: object) -> list[str]:
    """Encode values that JSON lacks: dates, times, sets and bytes of TOML and YAML."""
    if isinstance(value, set | frozenset):
        # The order of a set differs between processes, as hashes of texts are
        # randomized.
        return ["!set", *sorted(canonical(item) for item in value)]
    return [f"!{type(value).__name__}", str(value)]
