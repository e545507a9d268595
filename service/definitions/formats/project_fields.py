"""Texts of a pyproject.toml with a syntax: name, version, Python, requirements.

https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

__all__ = ["is_requirement", "is_valid_field"]


def is_valid_field(key: str, value: object) -> bool:
    """Return whether a value is a valid name, version or requires-python."""
    if not isinstance(value, str):
        return False
    try:
        match key:
            case "name":
                canonicalize_name(value, validate=True)
            case "version":
                Version(value)
            case _:
                SpecifierSet(value)
    except ValueError:  # also of a number with too many digits
        return False
    return True


def is_requirement(value: str) -> bool:
    """Return whether a text is a requirement, or nested too deeply to find that out."""
    try:
        Requirement(value)
    except InvalidRequirement:
        return False
    except RecursionError:
        return True
    return True
