"""The shell script of the smoke test: start an image as a session does, and observe it.

It runs as the container's first process, with the variables of a session's container,
and starts the image's launcher. The launcher removes `CNB_PLATFORM_API` from the
environment of its process and does not start without it (buildpacks/lifecycle,
`env/launch.go` and `cmd/apis.go`), so the script cannot run inside a launcher. The
missing variable also shows that the launcher has become the process, whose environment,
including that of exec.d scripts, is read from `/proc` for the imports: nothing runs
twice.

Without Python in the image, curl or bash request the first page.
"""

from typing import Final

from service.adapters.kubernetes.manifests.containers import TERMINATION

__all__ = ["ASK", "ENDED", "ENTER", "FAILED", "LACKED", "SCRIPT"]

FAILED: Final = "smoke_failed: "
"""The prefix of the termination message when the image does not work; the error, such
as a missing import, follows."""
ENDED: Final = "session_ended: "
"""The prefix when the session ended by itself; its exit code follows."""

LACKED: Final = "program_missing: "
"""The prefix when the image lacks a program that the script needs; its name follows."""

_NEEDED: Final = "sed grep tr head date env"
"""Programs that the script needs beside a shell."""

GONE: Final = 75
"""The exit code of the import step when the session has already ended."""

ENTER: Final = f"""\
import os, sys
pid, python, *rest = sys.argv[1:]
try:
    data = open(f"/proc/{{pid}}/environ", "rb").read().split(b"\\0")
    os.chdir(f"/proc/{{pid}}/cwd")
except OSError:
    sys.exit({GONE})
variables = dict(item.split(b"=", 1) for item in data if b"=" in item)
if not variables:
    sys.exit({GONE})
os.execve(python, [python, "-c", *rest], variables)
"""
"""Replaces itself by a Python in the directory and environment of a process."""

ASK: Final = """\
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).status)
except urllib.error.HTTPError as exc:
    print(exc.code)
except OSError:
    sys.exit(1)
"""
"""Prints the HTTP status of a page; fails when nothing answers."""

SCRIPT: Final = f"""\
set -u
enter=$1 ask=$2 script=$3 input=$4 mode=$5 name=$6 seconds=$7 needs_python=$8
shift 8
port=$1 page=$2
shift 2
url=http://127.0.0.1:$port$page
message={TERMINATION}
log() {{ printf '%s\\n' "$*"; }}
finish() {{ printf '%s' "$1" >"$message"; log "$1"; exit 1; }}
refuse() {{ finish "{FAILED}$1"; }}
works() {{ log 'the image works'; exit 0; }}
pause() {{ sleep 0.2 2>/dev/null || sleep 1; }}
set_limit() {{ limit=$(($(date +%s) + $1)); }}
is_late() {{ [ "$(date +%s)" -ge "$limit" ]; }}
state() {{ sed -n 's/^State:[[:space:]]*//p' "/proc/$session/status" 2>/dev/null; }}
variables() {{ tr '\\0' '\\n' 2>/dev/null <"/proc/$session/environ"; }}
variable() {{ variables | sed -n "s/^$1=//p" | head -n 1; }}
is_dead() {{
  case $(state) in ''|Z*|X*) return 0 ;; esac
  return 1
}}
# A launcher has threads, and any of them may call exec: for a moment the main thread is
# then a zombie, although its process id lives on (fs/exec.c, de_thread).
is_alive() {{
  for _ in 1 2 3; do
    is_dead || return 0
    pause
  done
  return 1
}}
end() {{
  wait "$session"
  code=$?
  if [ "$mode$code" = runs0 ]; then log 'its process ended with 0'; works; fi
  finish "{ENDED}$code"
}}
is_started() {{
  [ -n "${{CNB_PLATFORM_API:-}}" ] || return 1
  seen=$(variables | sed -n 's/=.*//p')
  [ -n "$seen" ] || return 1
  ! printf '%s\\n' "$seen" | grep -qx CNB_PLATFORM_API
}}
find_python() {{
  PATH=$path
  command -v python || command -v python3 || :
}}
run_python() {{
  env "PATH=$path" "LD_LIBRARY_PATH=$libraries" "$python" -I "$@"
}}
try_imports() {{
  run_python -c "$enter" "$session" "$python" "$script" "$input"
  code=$?
  [ "$code" = {GONE} ] && end
  [ "$code" = 0 ] || exit "$code"
}}
can_ask() {{
  [ -n "$python" ] || command -v curl >/dev/null || command -v bash >/dev/null
}}
ask_page() {{
  if [ -n "$python" ]; then
    run_python -c "$ask" "$url"
  elif command -v curl >/dev/null; then
    curl --silent --output /dev/null --max-time 5 --write-out '%{{http_code}}' "$url"
  elif command -v bash >/dev/null; then
    bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" &&
      printf "GET %s HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n" "$1" >&3 &&
      read -r -t 5 _ code _ <&3 && echo "$code"' "$port" "$page" 2>/dev/null
  fi
}}

# Without them a session would seem never to start, which would blame the definition.
for program in {_NEEDED}; do
  command -v "$program" >/dev/null || finish "{LACKED}$program"
done
trap 'kill "$session" 2>/dev/null' EXIT
trap 'exit 143' TERM
set_limit "$seconds"
log "starting $*"
"$@" &
session=$!
until is_started; do
  is_alive || end
  is_late && refuse "what runs before the session (exec.d) does not end in $seconds s"
  pause
done
path=$(variable PATH)
libraries=$(variable LD_LIBRARY_PATH)
python=$(find_python)
if [ -n "$python" ]; then
  try_imports
elif [ "$needs_python" = true ]; then
  refuse 'the image has no Python'
else
  log 'the image has no Python: nothing is imported'
fi
[ "$mode" = idle ] && works
can_ask || mode=unasked
set_limit "$seconds"
last='nothing listens there'
until is_late; do
  is_alive || end
  code=$(ask_page)
  case $mode,$code in
    *,|*,000) ;;
    *,5*|serves,404) last="HTTP $code" ;;
    *) log "$url answers with $code"; works ;;
  esac
  pause
done
case $mode in
  runs) log 'its process runs, and no page answers'; works ;;
  unasked) log 'its process runs; nothing in the image can ask for a page'; works ;;
esac
refuse "the frontend $name does not answer at $url: $last"
"""
"""Its arguments: ENTER, ASK, the import script and its JSON, the mode (`serves`, `runs`
or `idle`), the frontend, seconds, whether Python is required, port, page, and the
command of a session."""
