"""The operator's own CA certificates, for every TLS client in a build.

The lifecycle is a Go program: it trusts the system's bundle and every file in the
directories of `SSL_CERT_DIR`, https://pkg.go.dev/crypto/x509#SystemCertPool. git gets
one file with both. Buildpacks get a service binding of the type that
https://github.com/paketo-buildpacks/ca-certificates reads, in the platform directory
(https://github.com/buildpacks/spec/blob/main/extensions/bindings.md), and installers
that use no buildpack get environment variables.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.adapters.kubernetes.manifests.clone import MARK
from service.adapters.kubernetes.manifests.containers import escape_expansion
from service.adapters.kubernetes.options import CaBundle, KubernetesOptions
from service.certificates import SYSTEM_BUNDLES, TRUSTING

__all__ = ["NO_CERTIFICATE", "add_certificates", "certificate_volumes"]

NO_CERTIFICATE: Final = "no_certificate"
"""The error word of a clone whose bundle holds no certificate."""

_FOLDER: Final = "/ca-certificates"
_FILE: Final = "bundle.pem"
_VOLUME: Final = "ca-certificates"
_REGISTRY_PHASES: Final = frozenset({"analyze", "restore", "export", "creator"})
"""Phases of the lifecycle that connect to registries."""
_SYSTEM_FOLDERS: Final = "/etc/ssl/certs:/etc/pki/tls/certs"
"""Go's default for `SSL_CERT_DIR`, which setting it replaces."""

SCRIPT: Final = f"""\
set -eu
binding=$PLATFORM/bindings/ca-certificates
mkdir -p "$binding" "$PLATFORM/certificates" "$PLATFORM/env"
number=0
file=
while IFS= read -r line || [ -n "$line" ]; do
  case $line in
    *'-----BEGIN CERTIFICATE-----'*)
      number=$((number + 1))
      file=$binding/$number.pem
      ;;
  esac
  if [ -n "$file" ]; then printf '%s\\n' "$line" >> "$file"; fi
  case $line in *'-----END CERTIFICATE-----'*) file= ;; esac
done < "$CA_BUNDLE"
if [ "$number" = 0 ]; then
  echo "{MARK}{NO_CERTIFICATE}: $CA_NAME holds no certificate" >&2
  exit 1
fi
printf ca-certificates > "$binding/type"
both=$PLATFORM/certificates/{_FILE}
: > "$both"
for known in {" ".join(SYSTEM_BUNDLES)}; do
  if [ -s "$known" ]; then
    cat "$known" > "$both"
    for name in {" ".join(TRUSTING)}; do
      printf '%s' "$both" > "$PLATFORM/env/$name"
    done
    break
  fi
done
cat "$binding"/*.pem >> "$both"
export GIT_SSL_CAINFO="$both"
"""
"""POSIX sh, run before the clone script. It writes one file for each certificate, as
some readers of bindings expect. It sets no variable when the image has no system
bundle: the variable would replace the bundle of the builder image."""


def add_certificates(
    containers: Iterable[Mapping[str, Any]], options: KubernetesOptions
) -> list[dict[str, Any]]:
    """Add the operator's CA certificates to the containers of a build."""
    bundle = options.ca_bundle
    if bundle is None:
        return [dict(container) for container in containers]
    return [_add_bundle(container, bundle) for container in containers]


def certificate_volumes(options: KubernetesOptions) -> list[dict[str, Any]]:
    """Return the volume of the certificates; empty without a bundle."""
    bundle = options.ca_bundle
    if bundle is None:
        return []
    named = "secretName" if bundle.kind == "secret" else "name"
    source = {
        named: bundle.name,
        "items": [{"key": bundle.key, "path": _FILE}],
    }
    return [{"name": _VOLUME, bundle.kind: source}]


def _add_bundle(container: Mapping[str, Any], bundle: CaBundle) -> dict[str, Any]:
    name = container["name"]
    if name == "clone":
        variables = {"CA_BUNDLE": f"{_FOLDER}/{_FILE}", "CA_NAME": bundle.text}
        shell, option, script, *rest = container["command"]
        command = [shell, option, escape_expansion(SCRIPT) + script, *rest]
        return {**_extend_container(container, variables), "command": command}
    if name in _REGISTRY_PHASES:
        environment = {item["name"]: item["value"] for item in container["env"]}
        # Appended, never replaced: with our folder alone the lifecycle would trust the
        # private authority and no public registry.
        folders = environment.get("SSL_CERT_DIR") or _SYSTEM_FOLDERS
        return _extend_container(container, {"SSL_CERT_DIR": f"{folders}:{_FOLDER}"})
    return dict(container)


def _extend_container(
    container: Mapping[str, Any], variables: Mapping[str, str]
) -> dict[str, Any]:
    mount = {"name": _VOLUME, "mountPath": _FOLDER, "readOnly": True}
    others = [item for item in container["env"] if item["name"] not in variables]
    added = [{"name": name, "value": value} for name, value in variables.items()]
    return {
        **container,
        "env": [*others, *added],
        "volumeMounts": [*container["volumeMounts"], mount],
    }
