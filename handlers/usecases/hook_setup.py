"""What a person does at a forge's page: where to go, what to paste, what to tick."""

import shlex
from typing import Final
from urllib.parse import unquote, urlsplit

from service.domain.hook import Hook
from service.forges.registry import FORGES

__all__ = ["managed_steps", "setup_steps"]

_NO_FORGE: Final = (
    "No forge reports what is pushed to a folder: a hook of git does, which git runs "
    "after each push. Make it in a terminal of its machine, with the secret beside it, "
    "where nobody else reads it."
)
_REPLACE: Final = "Replace the secret beside the hook of git."
_PASTE: Final = (
    "Paste this and, unless it was refused, the secret; press Enter and Ctrl-D:"
)
_BY_HAND: Final = (
    "A commit that is made in the folder itself is no push; report it by hand:"
)
_RETIRE: Final = "Once a delivery came through, retire the older secret here."
_ENTER: Final = """\
(set -e
refuse() {{ echo "$1; nothing was changed" >&2; exit 1; }}
unset GIT_DIR CDPATH
cd -P {folder}
export GIT_CEILING_DIRECTORIES="$(dirname "$PWD")"
hooks="$(git rev-parse --git-path hooks)"
own="$(git rev-parse --git-common-dir)"
own="$(cd -P "$own" && pwd)/hooks\""""
"""Find the hooks of the repository in a folder, not of one around it.

A terminal goes on behind a line that failed, in whatever folder it is, and the next
line may keep a secret: all lines are one subshell, which ends at the first failure.
"""
_OWN_HOOKS: Final = """\
mkdir -p "$own"
cd -P "$hooks" && test "$PWD" = "$own" ||
  refuse "core.hooksPath or a link has git run the hooks in $hooks, not those in $own"
test ! -e post-receive && test ! -L post-receive ||
  refuse "there is a hook already, $PWD/post-receive; move it away first\""""
"""Hooks elsewhere are those of other repositories, too: each of their pushes would be
reported as one to this folder.

`core.hooksPath`: https://git-scm.com/docs/git-config
"""
_OLD_HOOK: Final = """\
cd -P "$hooks"
grep -qF {url} post-receive ||
  refuse "$PWD/post-receive does not report to "{url}"""
_KEEP: Final = """\
rm -f relaunch.secret
(umask 077; cat > relaunch.secret)"""
"""A file that is there would keep its mode, and a link would lead elsewhere."""
_PROGRAM: Final = r"""
program="$(command -v relaunch || :)"
case "$program" in (/*) ;; (*) program=relaunch ;; esac
program="'$(printf %s "$program" | sed "s/'/'\\\\''/g")'"
""".strip()
"""By its path, since the `PATH` of a hook is not that of the terminal; an alias or a
function of the terminal has none. It is quoted, to be one word of the script."""


def setup_steps(hook: Hook, url: str) -> list[str]:
    """Describe how to make the hook, or how to give it its new secret."""
    guide = FORGES[hook.forge].setup
    field = guide.secret_fields[hook.proof]
    if hook.repository.is_folder:
        return _folder_steps(hook, url)
    if hook.rotated_at is not None:
        return [
            f"Open the webhook of {_name(hook)} at the forge.",
            f"Replace its {field} by the new secret and save.",
            _RETIRE,
        ]
    page = guide.pages[hook.reach].format(path=hook.repository.path)
    lines = [
        f"On {hook.repository.host}, open {page}.",
        f"Paste {url} as the {guide.url_field}.",
        f"Paste the secret as the {field}; it is not shown again.",
        *guide.notes,
    ]
    if note := guide.proof_notes.get(hook.proof):
        lines.append(note)
    ticks = " and ".join(guide.events)
    return [*lines, f"Choose {ticks} and save."]


def _folder_steps(hook: Hook, url: str) -> list[str]:
    """Describe the hook of git that reports pushes to a folder, which has no forge.

    It lies where git looks for it, in bare repositories and in working folders; git
    runs it by that path: https://git-scm.com/docs/githooks. What is typed into a
    terminal is a line of its own.
    """
    folder = shlex.quote(unquote(urlsplit(hook.repository.url).path))
    where, to = shlex.quote(url), f"--repo {folder} --to {shlex.quote(url)}"
    enter = _ENTER.format(folder=folder)
    if hook.rotated_at is not None:
        replace = f"{enter}\n{_OLD_HOOK.format(url=where)}\n{_KEEP}\n)"
        return [f"{_REPLACE} {_PASTE}\n{replace}", _RETIRE]
    arguments = shlex.quote(
        f'push --stdin {to} --secret-file "$(dirname "$0")/relaunch.secret"'
    )
    script = f"printf '%s\\n' '#!/bin/sh' \"exec $program \"{arguments} > post-receive"
    run = "chmod +x post-receive\n)"
    make = f"{enter}\n{_OWN_HOOKS}\n{_KEEP}\n{_PROGRAM}\n{script}\n{run}"
    beside = '"$(git rev-parse --git-path hooks/relaunch.secret)"'
    return [
        f"{_NO_FORGE} {_PASTE}\n{make}",
        f"{_BY_HAND}\n(cd {folder} && relaunch push {to} --secret-file {beside})",
    ]


def managed_steps(hook: Hook) -> list[str]:
    """Return the steps when nothing is left to do."""
    if hook.rotated_at is not None:
        return [
            f"The webhook of {_name(hook)} has the new secret at the forge.",
            _RETIRE,
        ]
    return [f"The webhook of {_name(hook)} was made at the forge; nothing to paste."]


def _name(hook: Hook) -> str:
    return hook.repository.path or hook.repository.host
