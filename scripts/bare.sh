#!/usr/bin/env bash
# Shows that `make run` and `make test` work on a machine that has nothing: a Debian 12 made by debootstrap, with
# Python, git, make and certificates. Usage: scripts/bare.sh [arguments of pytest]; the whole suite when none are given.
set -euo pipefail
cd "$(dirname "$0")/.."

base=${RELAUNCH_TEST_BARE:-/var/tmp/relaunch-bare-bookworm}
say() { printf '\n== %s\n' "$*"; }

[ "$(id -u)" = 0 ] || { echo "a bare machine is made in a chroot, which takes root"; exit 2; }
command -v debootstrap >/dev/null || { echo "a bare machine is made by debootstrap: apt-get install debootstrap"; exit 2; }
if [ ! -e "$base.ready" ]; then
  say "Debian 12, once, in $base"
  rm -rf "$base"
  debootstrap --variant=minbase --include=python3,git,make,ca-certificates bookworm "$base" > "$base.log" 2>&1
  touch "$base.ready"
fi

root=$(mktemp -d /var/tmp/relaunch-bare.XXXXXX)
service=
finish() {
  [ -z "$service" ] || kill -- "-$service" 2>/dev/null || true
  for place in proc dev; do umount -l "$root/$place" 2>/dev/null || true; done
  rm -rf "$root"
}
trap finish EXIT
cp -a "$base/." "$root"
# As on the machine around it: names, and whom to trust. Nothing of its environment.
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mkdir "$root/relaunch"
git ls-files -z | xargs -0 tar -c | tar -x -C "$root/relaunch"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"

inside() { env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" bash -ec "cd /relaunch; $*"; }

say "without python3-venv: one sentence, and no traceback"
said=$(inside make run 2>&1) && { echo "it ran?"; exit 1; }
echo "$said"
grep -q "apt install python3-venv" <<< "$said"
[ "$(wc -l <<< "$said")" -le 3 ]

say "with it, over a virtual environment that was only half made"
inside "python3 -m venv --without-pip .venv; apt-get -o APT::Sandbox::User=root update -q; apt-get install -qy --no-install-recommends python3-venv" > "$root/apt.log" 2>&1 ||
  { tail -n 5 "$root/apt.log"; exit 1; }

answers_at() { # seconds
  for _ in $(seq "$1"); do
    inside "python3 -c 'import urllib.request as r; print(r.urlopen(\"http://127.0.0.1:18080/healthz\").status)'" 2>/dev/null && return
    kill -0 "$service" 2>/dev/null || return 1
    sleep 1
  done
  return 1
}
set -m # a process group of its own: make does not pass signals on
inside "exec make run ARGS='--listen 127.0.0.1:18080'" > "$root/run.log" 2>&1 & service=$!
set +m
answers_at 240 || { tail -n 20 "$root/run.log"; echo "make run does not answer"; exit 1; }
head -n 8 "$root/run.log"
kill -- "-$service"; wait "$service" 2>/dev/null || true; service=

say "after an interrupted setup"
inside "rm .venv/.ready .venv/bin/uv; rm -rf .venv/lib/python3*/site-packages/pip; make .venv/.ready; .venv/bin/relaunch --version"

say "make test ${*:-(all)}"
inside "make test ARGS='-p no:cacheprovider $*'"
