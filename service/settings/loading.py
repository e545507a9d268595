"""Reading the settings of this process."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from service.errors import InvalidRequestError
from service.settings.section import PREFIX
from service.settings.tree import Settings

__all__ = ["OTHERS", "load", "passed_to_builds"]

OTHERS: Final = ("RELAUNCH_CONFIG", "RELAUNCH_PAYLOADS")
"""Variables with our prefix that are no settings."""
OTHER_PREFIX: Final = "RELAUNCH_TEST_"


def load(**given: Any) -> Settings:  # noqa: ANN401 - the fields above say the types
    """Read the settings.

    Args:
        given: Values that win over the environment and the file.

    Raises:
        InvalidRequestError: A value cannot be read, or a `RELAUNCH_` variable is no
            setting; the message names each and never shows a value.
    """
    _refuse_unknown(os.environ)  # noqa: TID251 - settings
    try:
        return Settings(**given)
    except ValidationError as exc:
        problems = (
            f"{'.'.join(str(part) for part in it['loc'])}: {it['msg']}"
            for it in exc.errors(include_url=False, include_input=False)
        )
        raise InvalidRequestError("settings: " + "; ".join(problems)) from exc
    except OSError as exc:
        raise InvalidRequestError(
            f"settings: cannot read {exc.filename}: {exc.strerror}"
        ) from exc


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {*Settings.variables(), *OTHERS}
    files = {f"{name}_FILE" for name in known}
    for name in sorted(environment):
        is_ours = name.startswith(PREFIX) and not name.startswith(OTHER_PREFIX)
        if not is_ours or name in known or name in files:
            continue
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InvalidRequestError(f"settings: there is no {name}{hint}")


def passed_to_builds(settings: Settings) -> dict[str, str]:
    """Return the variables of this process that builds may see.

    Certificates, proxies and package indexes, as the machine's operator set them;
    a value that carries credentials is left out, unless it is named on purpose.
    """
    named = set(settings.build.pass_environment)
    return {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - settings
        if name in named or (name in _HARMLESS and not _CREDENTIALS.search(value))
    }


_CREDENTIALS: Final = re.compile(r"://[^/\s]*@")
_HARMLESS: Final = frozenset(
    {
        "PATH",
        "LANG",
        "TZ",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "PIP_CERT",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_DEFAULT_TIMEOUT",
        "UV_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
