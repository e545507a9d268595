"""The tree that all settings hang on, and where their values come from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service.domain.hook import Secret
from service.settings.auth import AuthSettings
from service.settings.building import (
    BuildSettings,
    LocalSettings,
    RenkuSettings,
    parse_upstream,
)
from service.settings.config_file import read_config
from service.settings.forges import (
    EvaluationSettings,
    ForgeSettings,
    HookSettings,
    RemoteSettings,
    SweepSettings,
)
from service.settings.kubernetes import KubernetesSettings
from service.settings.retention import RetentionSettings
from service.settings.section import PREFIX, Section, parts
from service.settings.serving import (
    AmqpSettings,
    LogSettings,
    MailSettings,
    PageSettings,
    ReceiveSettings,
    ResourcePoolSettings,
)
from service.settings.signing import SigningSettings

__all__ = ["Settings"]


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
    ca_bundle: Path | None = None
    """A file of certificates (PEM) that this process and local builds trust beside the
    system's: of forges, registries and package indexes."""
    resource_pools: tuple[ResourcePoolSettings, ...] = ()
    """What sessions may take, as Renku's pages show it: `[{"id": 1, "name": "small",
    "classes": [{"id": 1, "name": "1 core", "cpu": 1, "memory": 4,
    "max_storage": 20}]}]`.
    A launcher may name no other class; any, where none is set."""
    auth: AuthSettings = AuthSettings()
    mail: MailSettings = MailSettings()
    log: LogSettings = LogSettings()
    traces: bool = False
    """Send the spans of every push over OTLP/HTTP, to where the standard variables
    (`OTEL_EXPORTER_OTLP_ENDPOINT`…) say. Needs the extra `traces`."""
    receive: ReceiveSettings = ReceiveSettings()
    page: PageSettings = PageSettings()
    amqp: AmqpSettings = AmqpSettings()
    remote: RemoteSettings = RemoteSettings()
    forge: ForgeSettings = ForgeSettings()
    hook: HookSettings = HookSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    sweep: SweepSettings = SweepSettings()
    build: BuildSettings = BuildSettings()
    local: LocalSettings = LocalSettings()
    shadow: bool = False
    """Decide and explain everything, and build nothing: builds stay queued and show it,
    and start once this is off."""
    builder: Literal["local", "kubernetes"] = "local"
    """What makes images: this machine, or Jobs of a cluster."""
    kubernetes: KubernetesSettings = KubernetesSettings()
    launchers: str | None = None
    """`renku+https://host`: launchers live in that Renku, which also builds, whatever
    `builder` says. Launchers of this service itself when unset."""
    renku: RenkuSettings = RenkuSettings()
    signing: SigningSettings = SigningSettings()
    retention: RetentionSettings = RetentionSettings()

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
            raise ValueError(f"{value!r} is no address; expected host:port")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_public(cls, value: str | None) -> str | None:
        scheme = (value or "").partition("://")[0]
        if value and (scheme not in {"http", "https"} or not urlsplit(value).hostname):
            raise ValueError(f"{value!r} is no URL; expected https://host")
        return value

    @field_validator("launchers")
    @classmethod
    def _is_upstream(cls, value: str | None) -> str | None:
        if value:
            parse_upstream(value)
        return value or None

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
    def is_embedded(self) -> bool:
        """Whether one process of one user is the whole service."""
        return self.database is None and self.bus is None

    @property
    def allow_files(self) -> bool:
        """Whether `file://` repositories of this machine may be followed.

        Where several people share a service, its machine's folders are not theirs.
        """
        named = self.remote.allow_files
        return self.is_embedded if named is None else named

    @property
    def private_hosts(self) -> frozenset[str]:
        """Hosts that may have a private address; `*` stands for any."""
        named = self.remote.allow_private
        if named is None:
            named = ("*",) if self.is_embedded else ()
        return frozenset(named) | self.forge.hosts

    @property
    def upstream(self) -> str | None:
        """The URL of the Renku that launchers live in; None where they live here."""
        return self.launchers and parse_upstream(self.launchers)

    @property
    def builder_root(self) -> Path:
        """Where the local builder keeps environments."""
        return self.data / "builder"

    def secrets(self) -> frozenset[str]:
        """Return every secret that is set, for what must not show them."""
        urls = (secret for secret in (self.database, self.bus) if secret is not None)
        passwords = (urlsplit(url.get_secret_value()).password for url in urls)
        tokens = (part.partition("=")[2].strip() for part in parts(self.forge.tokens))
        token = self.api_token()
        given = (token.reveal() if token else "", *parts(self.secret_key))
        client = (self.auth.client_secret,) if self.auth.client_secret else ()
        sections = (self.signing.password, *client, *self.renku.secrets)
        others = (secret.get_secret_value() for secret in sections)
        return frozenset(
            text for text in (*given, *tokens, *passwords, *others) if text
        )

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
            values = read_config(Path(config)).values
            sources.append(InitSettingsSource(settings_cls, init_kwargs=dict(values)))
        return tuple(sources)

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """Return the name of every variable that is read."""
        tables = cls.tables()
        names = [
            f"{name}_{key}" if key else name
            for name in cls.model_fields
            for key in tables.get(name, {"": None})
        ]
        return tuple(f"{PREFIX}{name}".upper() for name in names)

    @classmethod
    def tables(cls) -> Mapping[str, Mapping[str, FieldInfo]]:
        """Return the groups of settings, and the fields of each."""
        return {
            name: group.model_fields
            for name, field in cls.model_fields.items()
            if isinstance(group := field.annotation, type)
            and issubclass(group, Section)
        }


class _EnvironmentOrFile(EnvSettingsSource):
    """The environment, where `X_FILE` gives `X` out of a file."""

    def decode_complex_value(
        self,
        field_name: str,
        field: FieldInfo,
        value: Any,  # noqa: ANN401 - the library's
    ) -> Any:  # noqa: ANN401
        """Leave what is no JSON as it is: a list of names, or a mistake to report."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value

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
        known = " or ".join(f"{text}://" for text in schemes if text != "postgres")
        raise ValueError(f"expected a URL that begins with {known}")
    return value
