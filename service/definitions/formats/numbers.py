"""Numbers of so many digits that Python refuses to write them.

Parsers read `0xfff…` of any length; whoever writes it in decimal afterwards, in a
message or a digest, fails.
"""

import sys
from collections.abc import Mapping
from typing import Final

__all__ = ["EndlessNumberError", "check_numbers"]

_MOST_BITS: Final = 3 * sys.int_info.default_max_str_digits
"""A decimal digit has more than three: below, every number can be written."""


class EndlessNumberError(ValueError):
    """A number is longer than any that an installer takes."""


def check_numbers(document: object) -> None:
    """Check each number in a parsed document, its keys too.

    Raises:
        EndlessNumberError: One is too long to be written.
    """
    # Without recursion, and each container once: an alias may repeat one a thousand
    # times.
    todo, seen = [document], set[int]()
    while todo:
        value = todo.pop()
        if isinstance(value, int):
            if value.bit_length() > _MOST_BITS:
                raise EndlessNumberError("a number has thousands of digits")
        elif isinstance(value, Mapping):
            if id(value) not in seen:  # aliases repeat it
                seen.add(id(value))
                todo += [*value, *value.values()]
        elif (
            isinstance(value, list | tuple | set | frozenset) and id(value) not in seen
        ):
            seen.add(id(value))
            todo += value
