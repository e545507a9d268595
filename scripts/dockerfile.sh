#!/usr/bin/env bash
# Builds the Dockerfile as it stands, without a container engine: buildah in a chroot, over a base made of Debian's packages
# (BASE of the Dockerfile is at a registry that not every machine reaches), and runs what came out.
# Usage: scripts/dockerfile.sh [FILE.tar]; the image is written to the file as an OCI archive.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=bookworm
base=${RELAUNCH_TEST_BASE:-/var/tmp/relaunch-base-$suite}
say() { printf '\n== %s\n' "$*"; }

[ "$(id -u)" = 0 ] || { echo "a base is made in a chroot, which takes root"; exit 2; }
for tool in buildah debootstrap; do
  command -v "$tool" >/dev/null || { echo "no $tool: apt-get install --no-install-recommends buildah debootstrap"; exit 2; }
done

work=$(mktemp -d /var/tmp/relaunch-image.XXXXXX)
# Storage of its own: nothing is left behind, and nothing of this machine is changed. `vfs` mounts nothing.
builder() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
finish() { rm -rf "$work"; }
trap finish EXIT

if [ ! -e "$base.ready" ]; then
  say "Debian $suite with Python, once, in $base"
  rm -rf "$base"
  debootstrap --variant=minbase --include=python3,python3-pip,ca-certificates "$suite" "$base" > "$base.log" 2>&1 ||
    { tail -n 5 "$base.log"; exit 1; }
  # Where the image of Python has them.
  for name in python3 python; do ln -s /usr/bin/python3 "$base/usr/local/bin/$name"; done
  rm -rf "$base"/var/cache/apt/archives/*.deb "$base"/var/lib/apt/lists/*
  touch "$base.ready"
fi

say "the base"
container=$(builder from scratch)
builder add --quiet "$container" "$base" / > /dev/null
# Whom this machine trusts, and how its clients reach packages, the steps of the Dockerfile use too.
builder copy --quiet "$container" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt > /dev/null
[ ! -e /etc/pip.conf ] || builder copy --quiet "$container" /etc/pip.conf /etc/pip.conf > /dev/null
builder commit --quiet --rm "$container" localhost/relaunch-base > /dev/null

say "the Dockerfile"
builder bud --isolation chroot --format oci --build-arg BASE=localhost/relaunch-base \
  --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" --build-arg REVISION="$(git rev-parse HEAD)" \
  --tag localhost/relaunch . > "$work/log" 2>&1 || { tail -n 20 "$work/log"; exit 1; }
tail -n 3 "$work/log"

say "what it is"
built=$(builder from localhost/relaunch)
inside() { builder run --isolation chroot "$built" -- "$@"; }
inside relaunch --version
inside sh -c 'id -u; test "$(id -u)" = 10001'
inside git --version
inside python -c 'import service.app.roles.receive, service.app.roles.consume, opentelemetry.sdk; print("imports")'
inside sh -c 'test -s /opt/relaunch/sbom.cdx.json && ! touch /opt/relaunch/x 2>/dev/null'
builder inspect --type image --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.WorkingDir}}' localhost/relaunch

if [ -x .venv/bin/python ]; then
  say "its packages, beside those of python -m scripts.image"
  inside cat /opt/relaunch/sbom.cdx.json > "$work/sbom.json"
  .venv/bin/python - "$work/sbom.json" <<'PYTHON'
import json, sys
from pathlib import Path
from scripts.image.metadata import files
from scripts.image.packages import needed

def versions(text):
    return {item["name"]: item["version"] for item in json.loads(text)["components"]}

built = versions(Path(sys.argv[1]).read_text())
ours = versions(files(Path("pyproject.toml").read_text(), needed().values())["sbom.cdx.json"])
print(len(built), "packages; other or missing:", {name for name in ours if built.get(name) != ours[name]} or "none")
sys.exit(any(built.get(name) != ours[name] for name in ours))
PYTHON
fi

if [ -n "${1:-}" ]; then
  builder push --quiet localhost/relaunch "oci-archive:$1:relaunch" > /dev/null
  say "written to $1"
fi
say "done"
