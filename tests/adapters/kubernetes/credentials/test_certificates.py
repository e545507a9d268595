"""An authority of the operator's own is trusted by all that speaks TLS in a build."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from service.adapters.kubernetes.credentials.certificates import NO_CERTIFICATE, SCRIPT
from service.adapters.kubernetes.options import CaBundle
from service.certificates import SYSTEM_BUNDLES, TRUSTING
from service.domain.building.failure import FailureClass
from service.settings import load
from tests.adapters.kubernetes.diagnosis.test_diagnose import in_phase
from tests.adapters.kubernetes.variants import BUNDLE, VARIANTS
from tests.support.tls import Certificates

SYSTEM = next((path for path in map(Path, SYSTEM_BUNDLES) if path.is_file()), None)


def containers(variant: str) -> dict[str, dict[str, Any]]:
    spec = VARIANTS[variant].manifest()["spec"]["template"]["spec"]
    return {
        container["name"]: container
        for container in (*spec["initContainers"], *spec["containers"])
    }


def trusted_in(variant: str) -> dict[str, str]:
    """Return what each container that mounts the certificates is told of them."""
    return {
        name: told.get("CA_BUNDLE") or told["SSL_CERT_DIR"]
        for name, entry in containers(variant).items()
        if any(mount["name"] == "ca-certificates" for mount in entry["volumeMounts"])
        for told in [{pair["name"]: pair["value"] for pair in entry["env"]}]
    }


def test_who_speaks_tls_trusts_the_system_s_authorities_and_the_operator_s() -> None:
    lifecycle = "/etc/ssl/certs:/etc/pki/tls/certs:/ca-certificates"

    assert trusted_in("certificates") == {
        "clone": "/ca-certificates/bundle.pem",
        **dict.fromkeys(("analyze", "restore", "export"), lifecycle),
    }
    assert trusted_in("defaults") == {}


def test_folders_that_an_operator_names_stay() -> None:
    assert trusted_in("certificates-trusted") == {
        "clone": "/ca-certificates/bundle.pem",
        "creator": "/its/own:/ca-certificates",
    }


@pytest.mark.parametrize(
    ("text", "bundle"),
    [
        ("configmap/corporate", BUNDLE),
        ("configmap/corporate/ca.crt", BUNDLE),
        ("secret/a.b/root.pem", CaBundle(kind="secret", name="a.b", key="root.pem")),
    ],
)
def test_a_configmap_or_a_secret_is_named_with_its_key(
    monkeypatch: pytest.MonkeyPatch, text: str, bundle: CaBundle
) -> None:
    monkeypatch.setenv("RELAUNCH_KUBERNETES_CA_BUNDLE", text)

    assert CaBundle.from_text(load().kubernetes.ca_bundle) == bundle


@pytest.mark.parametrize(
    "text", ["corporate", "ConfigMap/x", "configmap/", "secret/a/b/c", "configmap/A"]
)
def test_anything_else_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("RELAUNCH_KUBERNETES_CA_BUNDLE", text)

    with pytest.raises(Exception, match="RELAUNCH_KUBERNETES_CA_BUNDLE"):
        load()


# the script


def run(folder: Path, bundle: Path) -> subprocess.CompletedProcess[str]:
    script = f'{SCRIPT}printf %s "$GIT_SSL_CAINFO"'
    return subprocess.run(
        ["sh", "-c", script],
        env={
            "PATH": os.defpath,
            "PLATFORM": str(folder / "platform"),
            "CA_BUNDLE": str(bundle),
            "CA_NAME": BUNDLE.text,
        },
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Two certificates, with words around them and no line end."""
    texts = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        texts.append(Certificates.made_in(tmp_path / name).ca.read_text().strip())
    path = tmp_path / "bundle.pem"
    path.write_text("# ours\nIssuer: us\n" + "\nand\n".join(texts))
    return path


def test_buildpacks_find_a_binding_with_a_file_for_each_certificate(
    tmp_path: Path, bundle: Path
) -> None:
    assert run(tmp_path, bundle).returncode == 0

    binding = tmp_path / "platform" / "bindings" / "ca-certificates"
    assert (binding / "type").read_text() == "ca-certificates"
    texts = [(binding / f"{number}.pem").read_text() for number in (1, 2)]
    assert all(text.count("BEGIN CERTIFICATE") == 1 for text in texts)
    assert all(text.endswith("-----END CERTIFICATE-----\n") for text in texts)
    assert "".join(texts).replace("\n", "") in bundle.read_text().replace(
        "\nand\n", ""
    ).replace("\n", "")
    assert len(list(binding.iterdir())) == 3


@pytest.mark.skipif(SYSTEM is None, reason="this machine trusts nobody")
def test_git_and_installers_are_given_one_file_with_the_system_s(
    tmp_path: Path, bundle: Path
) -> None:
    done = run(tmp_path, bundle)

    assert SYSTEM is not None
    both = Path(done.stdout)
    platform = tmp_path / "platform"
    assert both.is_relative_to(platform)
    assert both.read_text().startswith(SYSTEM.read_text())
    assert both.read_text().count("BEGIN") == SYSTEM.read_text().count("BEGIN") + 2
    for name in TRUSTING:
        assert (platform / "env" / name).read_text() == str(both)


def test_an_empty_bundle_fails_as_what_an_operator_has_to_mend(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here\n")

    done = run(tmp_path, empty)
    failure = in_phase("clone", 1, done.stderr)

    assert done.returncode == 1
    assert NO_CERTIFICATE in done.stderr
    assert failure.kind is FailureClass.MISSING_RESOURCE
    assert failure.message == "ConfigMap corporate (key ca.crt) holds no certificate"


def test_a_registry_that_nobody_vouches_for_is_told_as_such() -> None:
    said = (
        "ERROR: failed to : ensure registry read/write access to"
        ' registry.example.org/x: Get "https://registry.example.org/v2/": tls: failed'
        " to verify certificate: x509: certificate signed by unknown authority"
    )

    failure = in_phase("analyze", 1, said)

    assert failure.kind is FailureClass.CERTIFICATE
    assert "RELAUNCH_KUBERNETES_CA_BUNDLE" in failure.hint
