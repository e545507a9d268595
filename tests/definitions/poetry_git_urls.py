"""Addresses of repositories, and which versions of poetry cannot read them.

Recorded from poetry 1.8.3 and 2.5.1; `test_poetry_itself` asks 1.8.3 again.
"""

import random
from typing import Final

__all__ = ["GIT_URLS", "some_git_urls"]

GIT_URLS: Final = (
    *((f"https://github.com/a/b{end}", "") for end in ("", ".git", "/", "/tree/main")),
    *((f"https://github.com/a/b.git{rev}", "") for rev in ("@v1", "#v1", "#egg=b")),
    *((f"https://github.com/a/b.git{rev}", "12") for rev in ("@", "#", "@x@y", "?a=1")),
    ("git+https://github.com/a/b.git", ""),
    ("git+ssh://git@github.com/a/b.git", ""),
    ("ssh://git@github.com:a/b.git", ""),
    ("ssh://git@example.org:22/~u/b.git", ""),
    ("git@github.com:a/b.git", ""),
    ("git@github.com/a/b.git", ""),
    ("github.com/a/b", ""),
    ("github.com:a/b.git", ""),
    ("git+git@github.com:a/b.git", "1"),
    ("a/b", "12"),
    ("b", "12"),
    ("", "12"),
    (" ", "12"),
    ("https://user:p%40ss@github.com/a/b.git", ""),
    ("https://${TOKEN}@github.com/a/b.git", "1"),
    ("https://${USER}:${TOKEN}@github.com/a/b.git", "1"),
    ("${URL}", "12"),
    ("https://github.com/${OWNER}/b.git", "12"),
    ("https://gitlab.gnome.org/GNOME/gtk+.git", "1"),
    ("https://dev.azure.com/o/p/_git/r", ""),
    ("https://o@dev.azure.com/o/p%20q/_git/r", ""),
    ("https://dev.azure.com/o/my project/_git/r", "12"),
    ("https://github.com/a/b.git ", "12"),
    ("https://github.com/a/b.git\n", ""),
    ("file:///srv/b", ""),
    *((path, "12") for path in ("../b", "./b", "/srv/b", "C:\\b", "~/b")),
    ("codecommit::us-east-1://repo", "12"),
    ("https://[::1]/a/b.git", "12"),
    ("https://example.org", ""),
    ("https://", "12"),
)
"""An address, and the major versions that refuse it."""

_PARTS: Final = (
    *("https://", "http://", "ssh://", "git://", "file://", "git+", "svn://", "ftp://"),
    *("git", "example.org", "h", "a", "b", "owner", "x-1", "1", "22", ".git", "é", "_"),
    *(
        "@",
        "@",
        ":",
        ":",
        "/",
        "/",
        "/",
        "\\",
        "#",
        "?",
        "=",
        "&",
        "+",
        "~",
        "%20",
        " ",
    ),
    *("$", "${A}", "{}", "{", "}", "..", ".", "-", "\n", "[", "]", "|", "<", "!", ","),
    *("#egg=", "#subdirectory=", "&subdirectory=", "@v1", "#v1", "&egg="),
)


def some_git_urls(seed: int, count: int) -> list[str]:
    """Make addresses out of parts, by chance, most of them nearly right."""
    dice = random.Random(seed)
    made = []
    for _ in range(count):
        start = dice.choice(("https://", "git@", "ssh://git@", "", "git+https://"))
        words = dice.choices(_PARTS, k=dice.randint(0, 7))
        end = dice.choice(("", "/a/b.git", "h/a", ":a/b", "/b"))
        made.append(start + dice.choice(("", "h", "h/a")) + "".join(words) + end)
    return made
