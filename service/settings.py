"""Every setting, in one typed tree.

Settings come from the environment (`RELAUNCH_LISTEN`, `RELAUNCH_BUILD_DEADLINE`;
secrets also as `…_FILE`, the path of a file that holds the value), then from the
TOML file that `RELAUNCH_CONFIG` names, then from the defaults below.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from platformdirs import user_data_path
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from service.domain.hook import Secret
from service.errors import InvalidRequestError

__all__ = ["Settings", "load", "passed_to_builds"]

PREFIX: Final = "RELAUNCH_"
OTHERS: Final = ("RELAUNCH_CONFIG", "RELAUNCH_PAYLOADS")
"""Variables with our prefix that are no settings."""
OTHER_PREFIX: Final = "RELAUNCH_TEST_"

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    """Read `90`, `90s`, `15m`, `2h` or `1d`; leave the rest to pydantic (ISO 8601)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", str(value).strip())
    if not match:
        return value
    return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""


class ReceiveSettings(Section):
    """The webhook receiver."""

    read_deadline: Duration = timedelta(seconds=8)
    """How long a sender may take for its body; forges give up after 10 s."""
    publish_budget: Duration = timedelta(seconds=2)
    """How long the bus may take to confirm before the delivery is spooled."""
    big_bodies: int = Field(default=2, ge=1)
    """How many bodies over 1 MiB are read at once."""
    keep_deliveries: int = Field(default=1000, ge=1)
    """How many deliveries of each hook are kept on record."""


class AmqpSettings(Section):
    """RabbitMQ, where it is the bus."""

    declare: bool = True
    """False where operators create exchanges and queues themselves."""
    prefix: str = "relaunch"
    """What the names of exchanges and queues begin with."""
    ca_file: Path | None = None
    """The authority of an `amqps://` broker; the system's when unset."""
    cert_file: Path | None = None
    """The certificate to show to the broker."""
    key_file: Path | None = None
    """The key of that certificate."""
    heartbeat: Duration = timedelta(seconds=10)
    """A connection that died silently is noticed after about three of these."""


class RemoteSettings(Section):
    """Asking repositories."""

    deadline: Duration = timedelta(seconds=60)
    """How long a repository may take to answer."""
    allow_files: bool = True
    """Whether `file://` repositories of this machine may be followed."""
    retry_after: Duration = timedelta(seconds=5)
    """The first wait when a remote did not answer; it doubles up to 5 minutes."""


class LookSettings(Section):
    """When sources are looked at."""

    quiet: Duration = timedelta(seconds=2)
    """How long no further push must come before a look."""
    patience: Duration = timedelta(seconds=30)
    """How long pushes may put a look off."""
    at_once: int = Field(default=4, ge=1)
    """How many sources are looked at at once."""
    sweep: Duration = timedelta(minutes=15)
    """How often every source is looked at without being asked."""


class BuildSettings(Section):
    """Building."""

    at_once: int = Field(default=2, ge=1)
    """How many builds run at once."""
    per_project: int = Field(default=2, ge=1)
    """How many of them for one project."""
    attempts: int = Field(default=3, ge=1)
    """How often a build is tried whose failures pass by themselves."""
    retry_after: Duration = timedelta(seconds=30)
    """The wait before a second try; it doubles."""
    deadline: Duration = timedelta(minutes=30)
    """How long a build may take."""
    pip_python: str = "3.10"
    """The Python of a bare requirements.txt."""
    poetry_version: str = "1.8.3"
    """The poetry that installs poetry projects."""
    pass_environment: tuple[str, ...] = ()
    """Further variables of this process that builds may see; never secrets."""


class Settings(BaseSettings):
    """All settings of every role."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
    )

    data: Path = Field(default_factory=lambda: user_data_path("relaunch"))
    """The folder of the embedded edition: database, environments, keys."""
    listen: str = "127.0.0.1:8080"
    """Host and port of the HTTP side; port 0 takes any free one."""
    public_url: str | None = None
    """How forges reach the receiver; the listening address when unset."""
    database: SecretStr | None = None
    """`sqlite:///path` or `postgresql://…`; a SQLite file in `data` when unset."""
    bus: SecretStr | None = None
    """`amqp://…` for RabbitMQ; a table in the database when unset."""
    token: SecretStr | None = None
    """Bearer token of the REST API; `data`/token, made at first start, when unset."""
    secret_key: SecretStr | None = None
    """Encrypts hook secrets at rest; `data`/secret-key, made at first start, when
    unset. Several, separated by commas: the first encrypts, all decrypt."""
    log: LogSettings = LogSettings()
    receive: ReceiveSettings = ReceiveSettings()
    amqp: AmqpSettings = AmqpSettings()
    remote: RemoteSettings = RemoteSettings()
    look: LookSettings = LookSettings()
    build: BuildSettings = BuildSettings()

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
            raise ValueError(f"{value!r} is no address; expected host:port")
        return value

    @field_validator("database")
    @classmethod
    def _is_database(cls, value: SecretStr | None) -> SecretStr | None:
        return _with_scheme(value, ("sqlite", "postgresql", "postgres"))

    @field_validator("bus")
    @classmethod
    def _is_bus(cls, value: SecretStr | None) -> SecretStr | None:
        return _with_scheme(value, ("amqp", "amqps"))

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on."""
        return int(self.listen.rpartition(":")[2])

    @property
    def url(self) -> str:
        """Where the REST API answers, as seen by this machine's command line."""
        return (self.public_url or f"http://{self.listen}").rstrip("/")

    @property
    def database_url(self) -> str:
        """The database, with its password."""
        if self.database is None:
            return f"sqlite:///{self.data / 'relaunch.sqlite'}"
        return self.database.get_secret_value()

    @property
    def builder_root(self) -> Path:
        """Where the local builder keeps environments."""
        return self.data / "builder"

    def api_token(self) -> Secret | None:
        """Return the token of the REST API; None before the first start made one."""
        if self.token is not None:
            return Secret(self.token.get_secret_value())
        path = self.data / "token"
        return Secret(path.read_text().strip()) if path.is_file() else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments, then the environment with `…_FILE`, then the TOML file."""
        del env_settings, dotenv_settings, file_secret_settings
        sources: list[PydanticBaseSettingsSource] = [
            init_settings,
            _EnvironmentOrFile(settings_cls),
        ]
        if config := os.environ.get("RELAUNCH_CONFIG"):  # noqa: TID251 - settings
            sources.append(TomlConfigSettingsSource(settings_cls, Path(config)))
        return tuple(sources)

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """Return the name of every variable that is read."""
        names = []
        for name, field in cls.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, Section):
                names += [f"{PREFIX}{name}_{it}".upper() for it in inner.model_fields]
            else:
                names.append(f"{PREFIX}{name}".upper())
        return tuple(names)


class _EnvironmentOrFile(EnvSettingsSource):
    """The environment, where `X_FILE` gives `X` out of a file."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        found = dict(super()._load_env_vars())
        known = {name.lower() for name in Settings.variables()}
        for name, path in list(found.items()):
            target = name.removesuffix("_file")
            if name not in known and target in known and path:
                found[target] = Path(path).read_text().strip()
                del found[name]
        return found


def _with_scheme(value: SecretStr | None, schemes: tuple[str, ...]) -> SecretStr | None:
    if value is None:
        return None
    scheme, found, _ = value.get_secret_value().partition("://")
    if not found or scheme not in schemes:
        raise ValueError(f"expected a URL that begins with {schemes[0]}://")
    return value


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
