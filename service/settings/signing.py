"""Settings of signatures and provenance."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from service.settings.section import Section

__all__ = ["SigningSettings"]


class SigningSettings(Section):
    """Signing images that builds in a cluster made."""

    key: SecretStr | None = None
    """A private key of cosign, or a PEM of an EC P-256 key: its text, or its path in
    `RELAUNCH_SIGNING_KEY_FILE`. Images are not signed when unset."""
    password: SecretStr = Field(default=SecretStr(""))
    """What the key is encrypted with."""
    provenance: bool = True
    """Where images are signed, also attach how they were made: SLSA provenance."""
    builder_id: str | None = None
    """The URI that provenance names this installation by; `public_url` when unset."""
    registry_config: Path | None = None
    """A `config.json` of Docker's that may push where images are;
    `RELAUNCH_KUBERNETES_REGISTRY_CONFIG` when unset."""

    @field_validator("key")
    @classmethod
    def _is_pem(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and "-----BEGIN " not in value.get_secret_value():
            raise ValueError(
                "expected the text of a PEM; a path belongs into "
                "RELAUNCH_SIGNING_KEY_FILE"
            )
        return value

    @field_validator("builder_id")
    @classmethod
    def _is_uri(cls, value: str | None) -> str | None:
        if value and not urlsplit(value).scheme:
            raise ValueError("expected a URI, such as https://relaunch.example.org")
        return value
