"""Bodies into JSON, strictly: what two readers could take differently is refused."""

import json
from collections.abc import Iterable, Mapping
from email.message import Message
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from service.domain.delivery import Delivery
from service.errors import MalformedDeliveryError, UnsupportedMediaError

__all__ = ["FORM", "JSON", "JsonObject", "only_header", "read"]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 8
"""A forge sends one; a few more are somebody's proxy, thousands are an attack."""
_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_HEADER: Final = 200

JsonObject = Mapping[str, Any]


def read(delivery: Delivery, *, accept: Iterable[str]) -> object:
    """Decode the body as its content type says.

    Args:
        delivery: A verified delivery.
        accept: The content types that its forge sends.

    Raises:
        UnsupportedMediaError: The content type is another one.
        MalformedDeliveryError: The body is not strict JSON in UTF-8.
    """
    kind = _content_type(delivery, accept=tuple(accept))
    return _json(_form_payload(delivery.body) if kind == FORM else delivery.body)


def only_header(delivery: Delivery, name: str) -> str | None:
    """Return a header that forges send once, in plain ASCII; None when absent.

    Raises:
        MalformedDeliveryError: It was sent twice, or holds anything else.
    """
    if name.lower() not in delivery.headers:
        return None
    value = delivery.header(name)
    if value is None:
        raise MalformedDeliveryError(f"{name} was sent more than once; expected one")
    if not (value.isascii() and value.isprintable() and len(value) <= _LONGEST_HEADER):
        raise MalformedDeliveryError(
            f"{name} is not what forges send; expected plain ASCII, "
            f"{_LONGEST_HEADER} characters at most"
        )
    return value


def _content_type(delivery: Delivery, *, accept: tuple[str, ...]) -> str:
    expected = " or ".join(accept)
    header = delivery.header("content-type")
    if header is None:
        raise UnsupportedMediaError(f"expected one Content-Type: {expected}")
    kind, charset = _kind_and_charset(header)
    if kind not in accept:
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


def _json(body: bytes) -> object:
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
