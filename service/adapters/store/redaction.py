"""Credentials in URLs do not reach a log."""

import re
from typing import Final

__all__ = ["redacted"]

_USER: Final = re.compile(r"://[^\s/?#]*@")
_QUERY: Final = re.compile(
    r"([?&][\w.-]*(?:token|password|passwd|secret|signature|api_?key)=)[^\s&#'\"]+",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """Mask user names, passwords and tokens in every URL of a text."""
    if "://" not in text:
        return text
    return _QUERY.sub(r"\1***", _USER.sub("://***@", text))
