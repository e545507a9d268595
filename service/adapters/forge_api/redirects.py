"""Where a redirect of a forge's API leads, if it may be followed."""

from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from service.adapters.egress import host_of
from service.errors import RemoteRefusedError

__all__ = ["authority", "resolve_location"]


def resolve_location(url: str, location: str, *, method: str, status: int) -> str:
    """Return the URL that a request is sent to again.

    Args:
        url: Where it was sent to.
        location: The header of that name.
        method: Its method.
        status: The status of the answer.

    Raises:
        RemoteRefusedError: It is another host, whom a token must not reach; what cannot
            be requested; or the method would become another one.
    """
    try:
        target = _join(url, location)
    except ValueError as exc:
        raise RemoteRefusedError(
            f"{authority(url)} redirects to what is no URL: {exc}"
        ) from exc
    # 301 and 302 turn a POST into a GET: https://www.rfc-editor.org/rfc/rfc9110#status.301
    is_kept = method in {"GET", "HEAD"} or status in {
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
    is_same = (urlsplit(url).scheme, host_of(url)) == (
        urlsplit(target).scheme,
        host_of(target),
    )
    if is_same and is_kept:
        return target
    raise RemoteRefusedError(
        f"{authority(url)} redirects to {authority(target)}, which is not followed"
    )


def _join(url: str, location: str) -> str:
    target = urljoin(url, location)
    parts = urlsplit(target)
    _ = parts.port  # raises, too
    # Neither can be sent: the second would be another `Authorization`.
    if not location.isprintable() or "@" in parts.netloc:
        raise ValueError("expected no control characters, and no credentials")
    return target


def authority(url: str) -> str:
    """Return the host of a URL, with its port and without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]
