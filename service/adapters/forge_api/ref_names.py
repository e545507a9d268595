"""Quote names of git refs in URLs."""

from urllib.parse import quote

__all__ = ["quote_ref"]


def quote_ref(text: str, *, safe: str = "") -> str:
    """Percent-encode a name for a URL; bytes that are not UTF-8 stay as they are."""
    return quote(text.encode("utf-8", "surrogateescape"), safe=safe)
