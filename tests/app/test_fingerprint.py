"""Settings that change no key are told apart without being told."""

from pathlib import Path

import pytest

from service.domain.hook import Secret
from service.settings import Settings
from service.settings.fingerprint import fingerprint_of

KEY = Secret("key")
TOKEN = "ghp_0123456789"


def of(monkeypatch: pytest.MonkeyPatch, folder: Path, **variables: str) -> str:
    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(f"RELAUNCH_{name}", value)
        return fingerprint_of(Settings(data=folder), key=KEY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KUBERNETES_REGISTRY_SECRET", "push"),
        ("KUBERNETES_MEMORY_LIMIT", "16Gi"),
        ("KUBERNETES_DEADLINE", "2h"),
        ("KUBERNETES_TOLERATIONS", '[{"key": "gpu"}]'),
        ("KUBERNETES_PLATFORMS", '{"linux/arm64": {"node_selector": {"a": "b"}}}'),
        ("KUBERNETES_SERVICE_ACCOUNT", "builds"),
        ("BUILD_DEADLINE", "1h"),
        ("LOCAL_MEMORY_MB", "512"),
        ("FORGE_TOKENS", f"github.com={TOKEN}"),
        ("REMOTE_ALLOW_PRIVATE", "*"),
        ("SIGNING_REGISTRY_CONFIG", "/pushes.json"),
    ],
)
def test_another_value_of_what_builds_need_is_another_fingerprint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    before = of(monkeypatch, tmp_path)
    after = of(monkeypatch, tmp_path, **{name: value})

    assert after == of(monkeypatch, tmp_path, **{name: value}) != before


@pytest.mark.parametrize(
    ("name", "value"),
    [("LISTEN", "127.0.0.1:1"), ("LOG_LEVEL", "debug"), ("BUILD_MAX_CONCURRENT", "7")],
)
def test_what_no_build_fails_by_is_no_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    assert of(monkeypatch, tmp_path, **{name: value}) == of(monkeypatch, tmp_path)


def test_a_login_that_is_corrected_in_its_file_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    found = []
    for content in ('{"auths": {"a": 1}}', '{"auths": {"a": 2}}'):
        config.write_text(content)
        given = {"KUBERNETES_REGISTRY_CONFIG": str(config)}
        found.append(of(monkeypatch, tmp_path, **given))

    assert len(set(found)) == 2


def test_secrets_cannot_be_tried_out_without_the_key(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    one, other = (fingerprint_of(settings, key=Secret(name)) for name in ("a", "b"))

    assert one != other
    assert len(one) == 64
