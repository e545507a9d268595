"""Ids that tests can foresee."""

import itertools


class CountedIds:
    """ULIDs that count: unique, 26 characters, growing."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def new(self) -> str:
        return f"01J{next(self._count):023d}"
