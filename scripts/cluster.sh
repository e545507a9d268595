#!/usr/bin/env bash
# Brings up the Kubernetes of ../shared/cluster, or what is missing of it, for the tests.
# Pods, nodes and tests reach its registry by one name, 10.244.0.1:5000. Needs root; the first
# time on a machine it compiles for about seven minutes, after that it takes 16 seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
cluster=../shared/cluster
registry=10.244.0.1:5000

bridge=${CNI_IF:-kubecni0}

up() { "$cluster/up.sh" --registry --proxy --expose "${registry#*:}"; }

# With `pipefail`, `ip addr show | grep -q` in up.sh fails where grep closes the pipe before ip has
# written its last line; up.sh then adds an address that is there and stops ("Address already
# assigned"). Without the address it cannot happen, and up.sh goes on from where it was.
up || { echo "the first try failed; once more"; ip address flush dev "$bridge" || true; up; }

# A bridge without an address of its own takes that of a pod's end, and another one whenever a pod
# comes or goes; the other pods then talk to nobody for half a minute, until they ask again.
ip link set dev "$bridge" address 02:00:0a:f4:00:01

# The node asks a registry for TLS unless it is told otherwise:
# https://github.com/containerd/containerd/blob/main/docs/hosts.md
state=${KUBE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kube-test}/run
hosts=${KUBE_RUN:-$state}/containerd/certs.d/$registry
mkdir -p "$hosts"
cat > "$hosts/hosts.toml" <<TOML
server = "http://127.0.0.1:${registry#*:}"
[host."http://127.0.0.1:${registry#*:}"]
  capabilities = ["pull", "resolve"]
TOML
