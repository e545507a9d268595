"""Edits of the lock of a small project, and whether uv refuses what they leave."""
# ruff: noqa: E501 - one case is one line
# fmt: off

from typing import Final

__all__ = ["LOCKS", "Edit"]

Edit = tuple[tuple[str, str], ...]
"""Texts of the lock, and what takes their place."""

_SIX: Final = '[[package]]\nname = "six"\nversion = "1.17.0"\nsource = { registry = "https://index.test/simple" }\n'
_REGISTRY: Final = 'source = { registry = "https://index.test/simple" }'
_WANTED: Final = '{ name = "six" },'
_PLAIN: Final = 'requires-dist = [{ name = "six" }]'
_TOP: Final = "revision = 5\n"
_SDIST: Final = "sdist = {"
_COMMIT: Final = "a" * 40

LOCKS: Final[tuple[tuple[Edit, bool], ...]] = (
    # What a bad merge leaves.
    (((_SIX, '[[package]]\nname = "other"\nversion = "1.17.0"\n' + _REGISTRY + "\n"),), True),
    (((_SIX, _SIX + '\n[[package]]\nname = "six"\nversion = "1.16.0"\n' + _REGISTRY + "\n"),), True),
    (((_SIX, _SIX + "\n" + _SIX),), True),
    (((_WANTED, _WANTED * 2),), True),
    (((_WANTED, _WANTED + '{ name = "six", marker = "os_name == \'nt\'" },'),), False),
    (((_WANTED, '{ name = "six", version = "1.16.0" },'),), True),
    (((_WANTED, '{ name = "six", version = "1.17" },'),), False),
    (((_WANTED, '{ name = "six", source = { registry = "https://other.test/simple" } },'),), True),
    (((_WANTED, '{ name = "six", extra = ["none"] },'),), False),
    (((_SIX, _SIX + '\n[[package]]\nname = "six"\nversion = "1.16.0"\n' + _REGISTRY + "\n"), (_WANTED, '{ name = "six", version = "1.17.0" },')), True),
    (((_SIX, '[[package]]\nname = "six"\nversion = "1.16.0"\n' + _REGISTRY + '\nsdist = { url = "https://x.test/six.zip" }\n\n' + _SIX), (_WANTED, '{ name = "six", version = "1.17.0", ' + _REGISTRY + " },")), False),
    # Packages.
    ((('name = "six"\nversion', "version"),), True),
    ((('name = "six"\nversion', 'name = "a b"\nversion'),), True),
    ((('version = "1.17.0"\n', ""),), True),
    ((('version = "1.17.0"', 'version = "x"'),), True),
    ((('version = "1.17.0"', 'version = "1.17.1"'),), True),
    ((('version = "1.17.0"', "version = 1.17"),), True),
    ((('version = "0.1"\n', ""),), False),
    (((_REGISTRY + "\n", ""),), True),
    (((_REGISTRY, "source = {}"),), True),
    (((_REGISTRY, 'source = "https://index.test/simple"'),), True),
    (((_REGISTRY, "source = { registry = 1 }"),), True),
    (((_REGISTRY, 'source = { git = "https://x.test/a#' + _COMMIT + '" }'),), True),
    (((_REGISTRY, 'source = { git = "https://x.test/a" }'),), True),
    (((_REGISTRY, 'source = { git = "https://x.test/a?rev=x#' + _COMMIT[1:] + '" }'),), True),
    (((_REGISTRY, 'source = { git = "../a#' + _COMMIT + '" }'),), True),
    (((_REGISTRY, 'source = { url = "https://x.test/six-1.17.0-py2.py3-none-any.whl" }'), ("sdist = ", "foo = ")), False),
    (((_REGISTRY, 'source = { url = "https://x.test/six-1.17.0-py2.py3-none-any.whl", subdirectory = 1 }'),), True),
    (((_REGISTRY, 'source = { url = "https://x.test/six-1.17.0-py2.py3-none-any.whl" }'), ("hash = ", "hush = ")), True),
    (((_REGISTRY, 'source = { git = "https://x.test/a?rev=x#' + _COMMIT + '" }'), ("sdist = ", "foo = "), ("wheels = ", "bar = ")), False),
    (((_REGISTRY, 'source = { directory = "." }'),), True),
    ((("hash = ", "hush = "),), False),
    ((("\n[package.metadata]\n" + _PLAIN, "metadata = []"),), False),
    (((_PLAIN, 'requires-dist = ["six"]'),), True),
    (((_PLAIN, 'requires-dist = [{ name = "six", specifier = ">>1" }]'),), True),
    (((_PLAIN, 'requires-dist = [{ name = "six", marker = "x" }]'),), True),
    (((_PLAIN, 'requires-dist = [{ name = "other", specifier = "<2", extras = ["a"] }]'),), False),
    (((_PLAIN, _PLAIN + '\nprovides-extras = ["a b"]'),), True),
    (((_PLAIN, _PLAIN + '\n[package.metadata.requires-dev]\n"a b" = []'),), True),
    (((_PLAIN, _PLAIN + '\n[package.metadata.requires-dev]\ndev = [{ name = "idna" }]'),), False),
    (((_PLAIN, _PLAIN + '\n[package.dev-dependencies]\ndev = [{ name = "idna" }]'),), True),
    (((_PLAIN, _PLAIN + '\n[package.optional-dependencies]\na = [{ name = "idna" }]'),), True),
    (((_PLAIN, _PLAIN + '\n[package.optional-dependencies]\na = [{ name = "six" }]'),), False),
    # Files.
    ((("    { url = ", "    { link = "),), True),
    ((("    { url = ", "    { filename = "),), True),
    ((("    { url = ", '    { path = "six.whl", foo = '),), True),
    ((("    { url = ", '    { path = "", foo = '),), True),
    ((("    { url = ", '    { path = "a/six-1.16.0-py3-none-any.whl", foo = '),), True),
    (((_REGISTRY, 'source = { registry = "wheels" }'), ("    { url = ", '    { path = "six-1.17.0-py3-none-any.whl", foo = ')), False),
    (((_REGISTRY, 'source = { path = "six-1.17.0-py3-none-any.whl" }'), ("    { url = ", '    { filename = "six-1.17.0-py3-none-any.whl", foo = ')), True),
    ((("    { url = ", '    { path = "six.whl", url = '),), False),
    ((("-py2.py3-none-any.whl", ".whl"),), True),
    ((("-py2.py3-none-any.whl", "-1-py2.py3-none-any.whl?x#y"),), False),
    ((("-py2.py3-none-any.whl", "-x-py2.py3-none-any.whl"),), False),
    ((("six-1.17.0-py2", "six-1.16.0-py2"),), True),
    ((("six-1.17.0-py2", "six-1.17-py2"),), False),
    ((("six-1.17.0-py2", "six-1.17.0%2Bcpu-py2"),), False),
    ((("sha256:4721", ""),), True),
    ((("sha256:4721", "sha1:4721"),), True),
    ((("sha256:4721", "sha512:4721"),), True),
    ((("sha256:4721", "sha256:472"),), True),
    ((("sha256:4721", "sha256:zzzz"),), True),
    ((("sha256:4721", "sha256:ABCD"),), False),
    ((("sha256:4721", "blake2b:4721"),), False),
    ((("sha256:4721f391ed90541fddacab5acf947aa0", "md5:"),), False),
    ((("six-1.17.0-py2", "six-x-py2"),), True),
    ((("six-1.17.0-py2", "s ix-1.17.0-py2"),), True),
    ((("six-1.17.0-py2", "other-1.17.0-py2"),), False),
    ((("size = 11050", "size = -1"),), True),
    ((("size = 11050", 'size = "11050"'),), True),
    ((("2024-12-04T17:35:26.475Z", "yesterday"),), True),
    ((("2024-12-04T17:35:26.475Z", "2024-12-04"),), True),
    ((("2024-12-04T17:35:26.475Z", "2024-12-04 17:35:26+01:00"),), False),
    ((('upload-time = "2024-12-04T17:35:26.475Z"', 'foo = "x"'),), False),
    (((_SDIST, _SDIST + "foo = 1, "),), False),
    ((("sdist = {", "sdist = 1\nfoo = {"),), True),
    # The head.
    (((_TOP, "revision = -1\n"),), True),
    (((_TOP, 'revision = "5"\n'),), True),
    (((_TOP, ""),), False),
    (((_TOP, _TOP + 'foo = "x"\n'),), False),
    ((('requires-python = ">=3.10"', 'requires-python = "../x"'),), True),
    ((('requires-python = ">=3.10"', "requires-python = 3"),), True),
    (((_TOP, _TOP + 'resolution-markers = ["x"]\n'),), True),
    (((_TOP, _TOP + 'resolution-markers = "os_name == \'posix\'"\n'),), True),
    (((_TOP, _TOP + 'required-markers = ["x"]\n'),), True),
    (((_TOP, _TOP + 'conflicts = [[{ package = "demo", extra = "a" }]]\n'),), True),
    (((_TOP, _TOP + 'conflicts = [[{ extra = "a" }, { extra = "b" }]]\n'),), True),
    (((_TOP, _TOP + 'conflicts = [[{ package = "demo", extra = "a" }, { package = "demo", group = "b" }]]\n'),), False),
    (((_TOP, _TOP + 'options = { resolution-mode = "x" }\n'),), True),
    (((_TOP, _TOP + 'options = { prerelease-mode = "x" }\n'),), True),
    (((_TOP, _TOP + 'options = { exclude-newer = "x" }\n'),), True),
    (((_TOP, _TOP + 'options = { prerelease-mode = "allow", exclude-newer = "2024-01-01T00:00:00Z", foo = 1 }\n'),), False),
    (((_TOP, _TOP + 'manifest = { members = ["a b"] }\n'),), True),
    (((_TOP, _TOP + 'manifest = { constraints = ["six<2"] }\n'),), True),
    (((_TOP, _TOP + 'manifest = { constraints = [{ name = "six", specifier = "<2" }] }\n'),), False),
)
