"""Reading the settings of this process."""

import os
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from service.certificates import combine_certificates
from service.errors import InvalidRequestError
from service.redaction import has_url_credentials
from service.settings.config_file import read_config
from service.settings.problems import (
    OTHERS,
    GivenSettings,
    describe_problems,
    unknown_variables,
    unreadable_files,
)
from service.settings.tree import Settings

__all__ = ["OTHERS", "load", "passed_to_builds"]


def load(**given: Any) -> Settings:  # noqa: ANN401 - the fields of `Settings` say the types
    """Read the settings.

    Args:
        given: Values that win over the environment and the file.

    Raises:
        InvalidRequestError: The file or a value cannot be read, or something in it
            or a `RELAUNCH_` variable is no setting; the message names all of them
            and never shows a secret.
    """
    environment = dict(os.environ)  # noqa: TID251 - settings
    known = Settings.variables()
    path = environment.get("RELAUNCH_CONFIG", "")
    file = read_config(Path(path)) if path else None
    origin = GivenSettings(
        known=frozenset(known),
        tables={table: frozenset(keys) for table, keys in Settings.tables().items()},
        environment=environment,
        config=file.values if file else {},
        path=path,
    )
    unreadable = list(unreadable_files(environment, known))
    problems = [
        *([file.problem] if file and file.problem else []),
        *unknown_variables(environment, known),
        *origin.unknown_keys(),
        *unreadable,
    ]
    settings = None
    if not unreadable:
        try:
            settings = Settings(**given)
        except ValidationError as exc:
            problems += origin.invalid_values(exc)
    if settings is None or problems:
        raise InvalidRequestError(describe_problems(problems))
    return settings


def passed_to_builds(settings: Settings) -> dict[str, str]:
    """Return the variables of this process that builds may see.

    Certificates, proxies and package indexes, as the machine's operator set them;
    a value that carries credentials is left out, unless it is named on purpose.
    """
    named = set(settings.build.pass_environment)
    passed = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - settings
        if name in named or (name in _HARMLESS and not has_url_credentials(value))
    }
    if settings.ca_bundle is None:
        return passed
    return passed | combine_certificates(
        settings.ca_bundle,
        system=passed.get("SSL_CERT_FILE", ""),
        folder=settings.data / "certificates",
    )


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
        "UV_SYSTEM_CERTS",
        "UV_DEFAULT_INDEX",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
