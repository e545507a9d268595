"""Read a forge's pushes off JSON at little cost: the few fields that are asked for.

Readers of JSON differ in which of two equal keys they take, so a payload that has one
twice where we read is left to the slow reader, which refuses it. Nobody asks each key:
what was read is written once more, and is as long as the text unless it had to drop
something. Nothing makes up for what is dropped: the bytes of a value are kept as they
are, a text is never written longer than it was, and a number has one way of writing.

What is deeper, such as the head commit, is not asked, nor whether bytes that are not
read are UTF-8: nothing is decided by them.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, TypeVar, get_args

import msgspec
from msgspec.structs import FieldInfo, astuple, fields

__all__ = ["QuickReader"]

_Model = TypeVar("_Model", bound=msgspec.Struct)
_Typed = tuple[str, Any] | tuple[str, Any, Any]
"""The name, the type and the default of a field."""

_ABSENT: Final = msgspec.Raw(b"")
_LARGEST: Final = 64 * 1024
"""Bytes of a text that is read in one pass; nearly all pushes are shorter. A hostile
megabyte of known keys would take it ten milliseconds."""
_LARGEST_REPOSITORY: Final = 32 * 1024
"""Bytes; GitHub's have 6,000."""
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder()
_UNREADABLE: Final = (ValueError, RecursionError)
"""What msgspec raises for what is no JSON or does not fit is a `ValueError`, too."""


class QuickReader(Generic[_Model]):
    """Read pushes: in one pass, or in two where a repository has keys of later years.

    Args:
        model: What is read.
        about: The key that the repository is under.
        keys: The top-level keys of the forge's pushes; with another one a payload is
            read slowly, and as well.
        inner: The keys of a repository; with another one it takes twice as long.
    """

    def __init__(
        self,
        model: type[_Model],
        *,
        about: str,
        keys: Iterable[str],
        inner: Iterable[str],
    ) -> None:
        known = tuple(keys)
        self._once = _OnePass(model, about=about, keys=known, inner=tuple(inner))
        self._twice = _TwoPasses(model, about=about, keys=known)

    def read(self, text: bytes) -> _Model | None:
        """Read a push; None when only the slow way can find out what it is."""
        if len(text) <= _LARGEST and (push := self._once.read(text)) is not None:
            return push
        return self._twice.read(text)


class _OnePass(Generic[_Model]):
    """Read a payload that has known keys alone, its repository included."""

    def __init__(
        self,
        model: type[_Model],
        *,
        about: str,
        keys: Sequence[str],
        inner: Sequence[str],
    ) -> None:
        read = {field.encode_name: field for field in fields(model)}
        self._model, self._about = model, about
        self._repository = read.pop(about).type
        own = fields(self._repository)
        plain = [field for field in read.values() if not _is_nested(field)]
        self._plain = tuple(field.encode_name for field in plain)
        self._nested = tuple(
            (field.encode_name, msgspec.json.Decoder(field.type))
            for field in read.values()
            if _is_nested(field)
        )
        self._own = tuple(field.encode_name for field in own)
        repository = _structure("_Repository", inner, typed=map(_typed, own))
        typed = [*map(_typed, plain), (about, repository)]
        self._payload = msgspec.json.Decoder(_structure("_Payload", keys, typed=typed))
        # One for all texts: a new one of this size is asked of the machine each time.
        self._written = bytearray()

    def read(self, text: bytes) -> _Model | None:
        """Read a push; None when it is to be read in another way."""
        try:
            payload = self._payload.decode(text)
            _ENCODER.encode_into(payload, self._written)
            if len(self._written) != len(text):
                return None
            return self._fitted(payload)
        except _UNREADABLE:
            return None

    def _fitted(self, payload: msgspec.Struct) -> _Model:
        about = getattr(payload, self._about)
        values: dict[str, Any] = {name: getattr(payload, name) for name in self._plain}
        for name, decoder in self._nested:
            if raw := getattr(payload, name):
                values[name] = decoder.decode(raw)
        own = {name: getattr(about, name) for name in self._own}
        values[self._about] = self._repository(**own)
        return self._model(**values)


class _TwoPasses(Generic[_Model]):
    """Read a payload whose repository has keys that are not known here."""

    def __init__(self, model: type[_Model], *, about: str, keys: Sequence[str]) -> None:
        self._decoder = msgspec.json.Decoder(model)
        self._about = keys.index(about)
        self._payload = msgspec.json.Decoder(_structure("_Payload", keys))
        read = {field.encode_name: field.type for field in fields(model)}
        self._names = tuple(
            (keys.index(name), b'"%b":' % name.encode())
            for name in read
            if name != about
        )
        self._prefix = b'"%b":' % about.encode()
        self._inner = tuple(
            (field.encode_name, b'"%b":' % field.encode_name.encode())
            for field in fields(read[about])
        )

    def read(self, text: bytes) -> _Model | None:
        """Read a push; None when only the slow way can find out what it is."""
        try:
            short = self._extract(text)
            return self._decoder.decode(short) if short is not None else None
        except _UNREADABLE:
            return None

    def _extract(self, text: bytes) -> bytes | None:
        """Return JSON of what is read alone, from compact JSON as forges send it.

        None when a key stands twice where we read. Costs little however large the text
        is: an unknown key ends it, and so does a repository larger than any.
        """
        payload = self._payload.decode(text)
        values = astuple(payload)
        inner = values[self._about]
        if len(_ENCODER.encode(payload)) != len(text):
            return None
        if not 0 < len(inner) <= _LARGEST_REPOSITORY:
            return None
        about = _OBJECT.decode(inner)
        if _ENCODER.encode(about) != bytes(inner):
            return None
        # The text was validated by the first reading, and most of it is of no use here:
        # to read it twice was a third of the cost.
        parts = [name + value for at, name in self._names if (value := values[at])]
        own = [name + about[key] for key, name in self._inner if key in about]
        parts.append(self._prefix + b"{" + b",".join(own) + b"}")
        return b"{" + b",".join(parts) + b"}"


def _structure(
    name: str, keys: Iterable[str], *, typed: Iterable[_Typed] = ()
) -> type[msgspec.Struct]:
    """Make a structure of known keys: of what is read the values, of the rest bytes.

    What is absent is as long as nothing, so that no field has to be asked whether it
    is there; nor is it written when the payload is.
    """
    read = {field[0]: field for field in typed}
    return msgspec.defstruct(
        name,
        # In the order in which forges write them: the next key is looked for first.
        [read.get(key, (key, msgspec.Raw, _ABSENT)) for key in keys],
        kw_only=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
    )


def _typed(field: FieldInfo) -> _Typed:
    name = field.encode_name
    return (name, field.type) if field.required else (name, field.type, field.default)


def _is_nested(field: FieldInfo) -> bool:
    """Return whether a field is a structure itself, of which not every key is read."""
    kinds = (field.type, *get_args(field.type))
    return any(
        isinstance(kind, type) and issubclass(kind, msgspec.Struct) for kind in kinds
    )
