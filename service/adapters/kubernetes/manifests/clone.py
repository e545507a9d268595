"""The clone phase: fetch one commit, and write the variables of buildpacks.

The script needs only `sh` and `git`. Its input comes in variables and arguments, so no
text from a repository is ever part of the program.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from service.adapters.kubernetes.options import KubernetesOptions

__all__ = [
    "COMMIT_GONE",
    "CONTEXT_MISSING",
    "FETCH_FAILED",
    "LFS_FAILED",
    "MARK",
    "SCRIPT",
    "SUBMODULES_FAILED",
    "git_environment",
    "git_settings",
    "kept_arguments",
    "secret_for",
]

MARK: Final = "relaunch: clone: "
"""The prefix of the line that reports why the phase failed; an error word follows."""
FETCH_FAILED: Final = "fetch_failed"
"""git's own message precedes the line."""
COMMIT_GONE: Final = "commit_gone"
CONTEXT_MISSING: Final = "context_missing"
SUBMODULES_FAILED: Final = "submodules_failed"
LFS_FAILED: Final = "lfs_failed"

SCRIPT: Final = f"""\
set -eu
log() {{ printf '%s\\n' "$*" >&2; }}
refuse() {{ log "{MARK}$1: $2"; exit 1; }}
all_refs() {{
  log 'the server gives no commit by its id; fetching all refs'
  git fetch --quiet --no-recurse-submodules --tags origin \\
    '+refs/heads/*:refs/remotes/origin/*' || refuse {FETCH_FAILED} 'git fetch failed'
}}
log "commit $COMMIT of $REPOSITORY"
git init --quiet "$SOURCE"
cd "$SOURCE"
git remote add origin "$REPOSITORY"
if [ "$LFS" = true ]; then
  git lfs version >&2 || refuse {LFS_FAILED} 'the git image has no git-lfs'
fi
if ! error=$(git fetch --quiet --depth=1 --no-tags --no-recurse-submodules \\
    origin "$COMMIT" 2>&1); then
  log "$error"
  case $error in
    *'unadvertised object'*|*'not our ref'*|*'does not support shallow'*) all_refs ;;
    *"couldn't find remote ref"*) all_refs ;;
    *) refuse {FETCH_FAILED} 'git fetch failed' ;;
  esac
fi
git cat-file -e "$COMMIT^{{commit}}" ||
  refuse {COMMIT_GONE} "the repository has no commit $COMMIT any more"
check_out() {{
  if [ "$KEEP" = all ]; then
    git checkout --quiet --force --detach "$COMMIT"
    return
  fi
  git update-ref --no-deref HEAD "$COMMIT" || return
  for word in "$@"; do
    case $word in keep:*) printf '%s\\n' "${{word#keep:}}" ;; esac
  done |
    git --literal-pathspecs checkout --quiet --pathspec-from-file=- "$COMMIT" || return
  if [ "$SUBMODULES" = true ] && git ls-files --stage | grep -q '^160000'; then
    git checkout --quiet "$COMMIT" -- .gitmodules
  fi
}}
check_out "$@" ||
  if [ "$LFS" = true ]; then
    refuse {LFS_FAILED} 'Git LFS files could not be fetched'
  else
    refuse {FETCH_FAILED} 'git checkout failed'
  fi
[ "$(git rev-parse HEAD)" = "$COMMIT" ] ||
  refuse {COMMIT_GONE} "the checkout is not commit $COMMIT"
if [ "$SUBMODULES" = true ]; then
  git submodule update --init --recursive --depth=1 >&2 ||
    git submodule update --init --recursive >&2 ||
    refuse {SUBMODULES_FAILED} 'a submodule could not be fetched'
elif [ -e .gitmodules ]; then
  log 'submodules are not checked out; builds do not see them'
fi
# Resolved, so that a symbolic link in the repository cannot lead out of it.
context=$(cd -P -- "$SOURCE/$CONTEXT_DIR" 2>/dev/null && pwd -P) || context=
case $context/ in
  "$SOURCE"/*) ;;
  *) refuse {CONTEXT_MISSING} "there is no directory $CONTEXT_DIR in the repository" ;;
esac
# The fetched objects include the files that are not checked out.
[ "$KEEP" = all ] || rm -rf "$SOURCE/.git"
mkdir -p "$PLATFORM/env"
for pair in "$@"; do
  case $pair in keep:*) continue ;; esac
  printf '%s' "${{pair#*=}}" > "$PLATFORM/env/${{pair%%=*}}"
done
printf '%s' "$PROJECT" > "$PROJECT_FILE"
printf '%s' "$COMMIT" > "$MESSAGE"
"""
"""POSIX sh. Its arguments are `NAME=value` for each variable of buildpacks, and
`keep:path` for each path to check out, when that is not all: a file that is not part of
the definition can then neither get into an image nor influence it. Paths are quoted as
git reads them:
https://git-scm.com/docs/git-checkout#Documentation/git-checkout.txt---pathspec-from-fileltfilegt"""

_HELPER: Final = (
    '!f() { [ "$1" = get ] || exit 0;'
    " printf 'username=%s\\npassword=%s\\n'"
    ' "$(cat /git-credentials/username)" "$(cat /git-credentials/password)"; }; f'
)
"""https://git-scm.com/docs/gitcredentials#_custom_helpers"""


def git_settings(url: str, options: KubernetesOptions) -> dict[str, str]:
    """Return git's settings, which are passed in the environment, not in a file.

    https://git-scm.com/docs/git-config#ENVIRONMENT
    """
    settings = {
        "advice.detachedHead": "false",
        # A template or the system's configuration must not run programs in the phase
        # that holds credentials.
        "core.hooksPath": "/dev/null",
        "credential.helper": "",
        # Objects come from strangers; git checks them against known attacks, such as
        # `.git` in other spellings, only when asked to.
        "fetch.fsckObjects": "true",
        "gc.auto": "0",
        "init.defaultBranch": "main",
    }
    if options.lfs:
        settings |= {
            "filter.lfs.process": "git-lfs filter-process",
            "filter.lfs.required": "true",
        }
    if secret_for(url, options):
        # Scoped to this scheme and host: a submodule or redirect to another host gets
        # no credentials.
        parts = urlsplit(url)
        settings[f"credential.{parts.scheme}://{parts.netloc}.helper"] = _HELPER
    return settings


def git_environment(url: str, options: KubernetesOptions) -> dict[str, str]:
    """Return the environment of git."""
    numbered = tuple(enumerate(sorted(git_settings(url, options).items())))
    return {
        "GIT_ALLOW_PROTOCOL": ":".join(options.git_protocols),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": str(len(numbered)),
        **{f"GIT_CONFIG_KEY_{index}": key for index, (key, _) in numbered},
        **{f"GIT_CONFIG_VALUE_{index}": value for index, (_, value) in numbered},
        "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
        "GIT_HTTP_LOW_SPEED_TIME": "60",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": "/tmp",  # noqa: S108 - in the pod
        # Failures are recognized by git's English messages.
        "LC_ALL": "C",
    }


def kept_arguments(kept: Iterable[str]) -> list[str]:
    """Return the script's arguments for the paths to check out."""
    return [f"keep:{_quote_path(path)}" for path in kept]


def _quote_path(path: str) -> str:
    """https://git-scm.com/docs/git-config#Documentation/git-config.txt-corequotePath."""
    raw = path.encode("utf-8", "surrogateescape")
    plain = range(0x20, 0x7F)
    escaped = (
        chr(byte) if byte in plain and byte not in b'"\\' else f"\\{byte:03o}"
        for byte in raw
    )
    return f'"{"".join(escaped)}"'


def secret_for(url: str, options: KubernetesOptions) -> str:
    """Return the Secret with credentials for a repository; empty when there is none."""
    parts = urlsplit(url)
    if parts.scheme not in options.git_protocols:
        return ""
    return options.git_secrets.get(parts.netloc.lower(), "")
