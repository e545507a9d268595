"""Starts an image as a session does and looks on: a program for any shell.

It runs as the container's first process, before the image's launcher, with the
variables that a session's container has. The launcher takes `CNB_PLATFORM_API` away
from what it starts, and does not start without it (buildpacks/lifecycle,
`env/launch.go` and `cmd/apis.go`): what a launcher started can start no launcher, so
this stands outside. By the same sign it sees when the launcher has become the process.
The environment of that, with what exec.d scripts gave, is read from `/proc`, and
imports are tried in it: nothing runs twice.

An image need not have Python: curl or bash ask for the first page then.
"""

from typing import Final

from service.adapters.kubernetes.containers import TERMINATION

__all__ = ["ASK", "ENDED", "ENTER", "FAILED", "SCRIPT"]

FAILED: Final = "smoke_failed: "
"""What the termination message begins with when the image does not work; a sentence
that names the missing import or the frontend follows."""
ENDED: Final = "session_ended: "
"""What it begins with when the session ended by itself; its exit code follows."""

GONE: Final = 75
"""How the look at a session's environment ends when the session is over already."""

ENTER: Final = f"""\
import os, sys
pid, python, *rest = sys.argv[1:]
try:
    told = open(f"/proc/{{pid}}/environ", "rb").read().split(b"\\0")
    os.chdir(f"/proc/{{pid}}/cwd")
except OSError:
    sys.exit({GONE})
given = dict(each.split(b"=", 1) for each in told if b"=" in each)
if not given:
    sys.exit({GONE})
os.execve(python, [python, "-c", *rest], given)
"""
"""Becomes a Python in a process's folder and environment."""

ASK: Final = """\
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).status)
except urllib.error.HTTPError as exc:
    print(exc.code)
except OSError:
    sys.exit(1)
"""
"""Prints the status of a page; fails when nothing answers."""

SCRIPT: Final = f"""\
set -u
enter=$1 ask=$2 script=$3 told=$4 how=$5 name=$6 seconds=$7 needs_python=$8
shift 8
port=$1 page=$2
shift 2
url=http://127.0.0.1:$port$page
message={TERMINATION}
say() {{ printf '%s\\n' "$*"; }}
tell() {{ printf '%s' "$1" >"$message"; say "$1"; exit 1; }}
refuse() {{ tell "{FAILED}$1"; }}
works() {{ say 'the image works'; exit 0; }}
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
# A launcher has threads, and one of them becomes the process: for a moment the first
# one is dead then, although its number lives on (fs/exec.c, de_thread).
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
  if [ "$how$code" = runs0 ]; then say 'its process ended with 0'; works; fi
  tell "{ENDED}$code"
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
  run_python -c "$enter" "$session" "$python" "$script" "$told"
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

trap 'kill "$session" 2>/dev/null' EXIT
trap 'exit 143' TERM
set_limit "$seconds"
say "starting $*"
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
  say 'the image has no Python: nothing is imported'
fi
[ "$how" = idle ] && works
can_ask || how=unasked
set_limit "$seconds"
last='nothing listens there'
until is_late; do
  is_alive || end
  code=$(ask_page)
  case $how,$code in
    *,|*,000) ;;
    *,5*|serves,404) last="HTTP $code" ;;
    *) say "$url answers with $code"; works ;;
  esac
  pause
done
case $how in
  runs) say 'its process runs, and no page answers'; works ;;
  unasked) say 'its process runs; nothing in the image can ask for a page'; works ;;
esac
refuse "the frontend $name does not answer at $url: $last"
"""
"""What it is given: ENTER, ASK, the program that imports and what that is told, how the
image is tried (`serves`, `runs` or `idle`), the frontend's name, seconds, whether there
has to be Python, port, page, and then what a session starts."""
