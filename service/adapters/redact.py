"""Keep credentials out of logs."""

import re
from typing import Final

__all__ = ["redacted"]

_CREDENTIALS: Final = re.compile(r"(?<=://)[^\s/?#\"'<>]+@")
"""The user part of a URL; up to the last @, for passwords may hold one."""
_HEADER: Final = re.compile(
    r"(\bauthorization\b['\"]?\s*[:=]\s*['\"]?(?:basic|bearer|token)\s+)[^\s'\"]+",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"\b(?:gh[pousr]_|github_pat_|glpat-|pypi-|hf_)[A-Za-z0-9_-]{16,}"
)
"""Tokens that say by themselves that they are some:
https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github"""


def redacted(text: str) -> str:
    """Replace credentials in URLs and headers, and known tokens, in a text."""
    cut = _HEADER.sub(r"\1…", _CREDENTIALS.sub("…@", text))
    return _TOKEN.sub("…", cut)
