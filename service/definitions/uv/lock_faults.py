"""What uv refuses in a uv.lock."""

from dataclasses import dataclass

from service.definitions.uv.fitting import Keys

__all__ = ["LockFault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFault:
    """Why uv refuses a lock, and where."""

    code: str
    why: str
    keys: Keys = ()
    word: str = ""
    """A text on the line, where the value of a key takes several."""
