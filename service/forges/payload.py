"""Bodies into models: quickly what forges send, slowly and strictly all the rest.

The quick reader (`quick_reader.py`) skips all but the fields that are asked for. What
it does not understand goes to the slow one, which refuses what two readers could take
differently, takes what only the quick one stumbles over (halves of characters in a text
that nobody reads), and names what is wrong.
"""

import json
from collections.abc import Iterable, Mapping
from email.message import Message
from functools import lru_cache
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec

from service.domain.delivery import Delivery
from service.errors import MalformedDeliveryError, UnsupportedMediaError

__all__ = [
    "FORM",
    "JSON",
    "JsonObject",
    "MisfitError",
    "content",
    "decoded",
    "decoded_object",
    "fitted",
    "only_header",
    "plain",
]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 8
"""A forge sends one; a few more are somebody's proxy, thousands are an attack."""
_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_HEADER: Final = 200

JsonObject = Mapping[str, Any]


def plain(delivery: Delivery, *, accept: Iterable[str]) -> bytes | None:
    """Return the JSON that a body is; None when it has to be taken out of a form.

    Raises:
        UnsupportedMediaError: The content type is none of those.
    """
    kind = _content_type(delivery, accept=tuple(accept))
    return None if kind == FORM else delivery.body


class MisfitError(Exception):
    """JSON that is no payload of this kind; names the field, and what was expected."""


_Model = TypeVar("_Model", bound=msgspec.Struct)


def content(delivery: Delivery, *, accept: Iterable[str]) -> bytes:
    """Return the JSON of the body, which its content type says where to find.

    Args:
        delivery: A verified delivery.
        accept: The content types that its forge sends.

    Raises:
        UnsupportedMediaError: The content type is another one.
        MalformedDeliveryError: The form it should be in is none.
    """
    kind = _content_type(delivery, accept=tuple(accept))
    return _form_payload(delivery.body) if kind == FORM else delivery.body


def fitted(model: type[_Model], payload: object) -> _Model:
    """Fit decoded JSON into a model.

    Raises:
        MisfitError: It does not fit.
    """
    try:
        return msgspec.convert(payload, model)
    except UnicodeEncodeError as exc:
        raise MisfitError("half a character in a field's name or text") from exc
    except msgspec.ValidationError as exc:
        what, _, place = str(exc).partition(" - at `$")
        where = place.strip(".`")
        raise MisfitError(f"{where}: {what}" if where else what) from exc


def only_header(delivery: Delivery, name: str) -> str | None:
    """Return a header that forges send once, in plain ASCII; None when absent.

    Raises:
        MalformedDeliveryError: It was sent twice, or holds anything else.
    """
    values = delivery.headers.getall(name, ())
    if not values:
        return None
    value = values[0]
    if len(values) > 1:
        raise MalformedDeliveryError(f"{name} was sent more than once; expected one")
    if not (value.isascii() and value.isprintable() and len(value) <= _LONGEST_HEADER):
        raise MalformedDeliveryError(
            f"{name} is not what forges send; expected plain ASCII, "
            f"{_LONGEST_HEADER} characters at most"
        )
    return value


def _content_type(delivery: Delivery, *, accept: tuple[str, ...]) -> str:
    header = delivery.header("content-type")
    if header is None:
        expected = " or ".join(accept)
        raise UnsupportedMediaError(f"expected one Content-Type: {expected}")
    kind, charset = _kind_and_charset(header)
    if kind not in accept:
        expected = " or ".join(accept)
        raise UnsupportedMediaError(f"Content-Type is {kind[:80]}; expected {expected}")
    if not isinstance(charset, str) or charset.lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaError("the charset is not utf-8; expected utf-8")
    return kind


@lru_cache(maxsize=32)
def _kind_and_charset(header: str) -> tuple[str, object]:
    """Take a header apart; forges send one or two, for ever."""
    message = Message()
    message["Content-Type"] = header.encode("ascii", "replace").decode()
    return message.get_content_type(), message.get_param("charset", "utf-8")


def _form_payload(body: bytes) -> bytes:
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as exc:
        raise MalformedDeliveryError(
            f"not a form with a few fields in UTF-8: {type(exc).__name__}"
        ) from exc
    payloads = [value for name, value in fields if name == "payload"]
    if len(payloads) != 1:
        raise MalformedDeliveryError(
            f"the form has {len(payloads)} fields named payload; expected one"
        )
    return payloads[0].encode()


def decoded_object(body: bytes) -> JsonObject:
    """Decode strict JSON in UTF-8 that is an object, as payloads are.

    Raises:
        MalformedDeliveryError: It is none.
    """
    payload = decoded(body)
    if not isinstance(payload, dict):
        raise MalformedDeliveryError("the payload is no JSON object")
    return payload


def decoded(body: bytes) -> object:
    """Decode strict JSON in UTF-8.

    Raises:
        MalformedDeliveryError: It is none.
    """
    if body.startswith(_BOM):
        raise MalformedDeliveryError("the body begins with a byte order mark")
    try:
        read: object = json.loads(
            body.decode(),
            object_pairs_hook=_without_doubles,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError as exc:
        raise MalformedDeliveryError(f"not UTF-8 at byte {exc.start}") from exc
    except RecursionError as exc:
        raise MalformedDeliveryError("nested too deeply") from exc
    except MemoryError as exc:
        raise MalformedDeliveryError("too many values") from exc
    except ValueError as exc:  # also a number of thousands of digits
        raise MalformedDeliveryError(f"not JSON: {str(exc)[:200]}") from exc
    return read


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return read


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
