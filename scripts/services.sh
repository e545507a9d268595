#!/usr/bin/env bash
# Finds the services that tests talk to, or installs and starts them, or says why not.
# Writes what the tests must know to .make/services.env; prints one line a service.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .make
env=.make/services.env
: > "$env"

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
installed() { ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1; }
install() { # package…
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "installing $* …"
  # Another apt-get of this machine may be at work: it is waited for. Old lists may do.
  { apt-get update || true
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"; } \
    > .make/install.log 2>&1
}

postgresql() {
  local usual=${POSTGRESQL_PORT:-5432} own=54329 initdb bin data
  if [ -n "${RELAUNCH_TEST_POSTGRESQL:-}" ]; then echo "PostgreSQL: as RELAUNCH_TEST_POSTGRESQL says"; return; fi
  if answers "$usual"; then echo "PostgreSQL: found at 127.0.0.1:$usual"; return; fi
  data=$(pwd)/.make/postgresql
  initdb=$(installed)
  [ -n "$initdb" ] || { install postgresql && initdb=$(installed); } || true
  if [ -z "$initdb" ]; then echo "PostgreSQL: none here and it cannot be installed; its tests are skipped"; return; fi
  bin=$(dirname "$initdb")
  if ! answers "$own"; then
    # Its own user must reach the folder, wherever this checkout lies.
    data=/tmp/relaunch-test-postgresql-$(id -u)
    if [ ! -d "$data/base" ]; then
      rm -rf "$data"; mkdir -p "$data"; [ "$(id -u)" != 0 ] || chown postgres "$data"
      (cd /tmp && as_postgres "$bin/initdb" -D "$data" -U postgres --auth=trust > /dev/null)
    fi
    (cd /tmp && as_postgres "$bin/pg_ctl" -D "$data" -w -t 30 -l "$data/log" \
      -o "-p $own -c listen_addresses=127.0.0.1 -c unix_socket_directories=$data" start > /dev/null)
  fi
  echo "RELAUNCH_TEST_POSTGRESQL=postgresql://postgres@127.0.0.1:$own/postgres" >> "$env"
  echo "PostgreSQL: started at 127.0.0.1:$own"
}

rabbitmq() {
  if [ -n "${RELAUNCH_TEST_AMQP:-}" ]; then echo "RabbitMQ: as RELAUNCH_TEST_AMQP says"; return; fi
  if command -v rabbitmq-server >/dev/null || [ -x /usr/sbin/rabbitmq-server ]; then echo "RabbitMQ: tests start their own"; return; fi
  if answers 5672; then echo "RabbitMQ: found at 127.0.0.1:5672"; return; fi
  if install rabbitmq-server; then echo "RabbitMQ: installed; tests start their own"; return; fi
  echo "RabbitMQ: none here and it cannot be installed; its tests are skipped"
}

browser() {
  if [ -n "${RELAUNCH_TEST_BROWSER:-}" ]; then echo "Chromium: as RELAUNCH_TEST_BROWSER says"; return; fi
  if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then echo "Chromium: found"; return; fi
  if install chromium; then echo "Chromium: installed"; return; fi
  echo "Chromium: none here and it cannot be installed; its tests are skipped"
}

# Programs out of Debian's package without the service that they belong to, which nothing here needs.
unpacked() { # package, whose tests are skipped without it, paths in it
  local package=$1 tests=$2 tools folder name path absent=()
  shift 2
  tools=$(pwd)/.make/tools
  for path in "$@"; do
    name=${path##*/}
    if [ -x "$tools/$name" ] || command -v "$name" >/dev/null; then echo "$name: found"; else absent+=("$path"); fi
  done
  [ ${#absent[@]} -gt 0 ] || return 0
  folder=$(mktemp -d -p .make)
  if (cd "$folder" && { apt-get download "$package" || { apt-get update && apt-get download "$package"; }; } \
      && dpkg-deb --extract "$package"_*.deb .) > ".make/$package.log" 2>&1; then
    mkdir -p "$tools"
    for path in "${absent[@]}"; do mv "$folder/$path" "$tools/"; echo "${path##*/}: fetched"; done
  else
    echo "${absent[*]##*/}: none here and it cannot be fetched; the tests of $tests are skipped"
  fi
  rm -rf "$folder"
}

postgresql
rabbitmq
browser
unpacked prometheus "the alert rules, and the drills" usr/bin/promtool usr/bin/prometheus
unpacked nginx "the proxy in front" usr/sbin/nginx
