"""Metadata that a pyproject gives its package, and which versions of poetry refuse it.

Recorded from poetry 1.8.3 and 2.5.1; `test_poetry_itself` asks them again.
"""
# ruff: noqa: E501 - one case is one line
# fmt: off

from typing import Final

from tests.definitions.poetry_cases import DEPENDENCIES, MODERN, TABLE, VIRTUAL

__all__ = ["METADATA"]

BAD_GIT: Final = 'b = {git = "a/b"}\n'
OPTIONAL_BAD_GIT: Final = 'b = {git = "a/b", optional = true}\n'
GONE: Final = TABLE + 'readme = "gone.md"\n'
BADLY_NAMED: Final = TABLE.replace("demo", "a/b")
README: Final = {"README.md": "x", "docs/a.md": "x"}

METADATA: Final[tuple[tuple[str, str, dict[str, str], str], ...]] = (
    ("git-main", TABLE + DEPENDENCIES + BAD_GIT, {}, "12"),
    ("git-main-optional", TABLE + DEPENDENCIES + OPTIONAL_BAD_GIT, {}, "12"),
    ("git-main-list", TABLE + DEPENDENCIES + 'b = [{git="a/b",python="<3.11"},{version="1",python=">=3.11"}]\n', {}, "12"),
    ("git-main-marker", TABLE + DEPENDENCIES + "b = {git=\"a/b\",markers=\"sys_platform == 'win32'\"}\n", {}, "12"),
    ("git-main-np", VIRTUAL + DEPENDENCIES + BAD_GIT, {}, "2"),
    ("git-main-readme-gone", GONE + DEPENDENCIES + BAD_GIT, {}, "2"),
    ("git-main-readme-there", TABLE + 'readme = "README.md"\n' + DEPENDENCIES + BAD_GIT, README, "12"),
    ("git-group", TABLE + DEPENDENCIES + "[tool.poetry.group.dev.dependencies]\n" + BAD_GIT, {}, "2"),
    ("git-group-main", TABLE + DEPENDENCIES + "[tool.poetry.group.main.dependencies]\n" + BAD_GIT, {}, "12"),
    ("git-dev", TABLE + DEPENDENCIES + "[tool.poetry.dev-dependencies]\n" + BAD_GIT, {}, "2"),
    ("git-python", TABLE + '[tool.poetry.dependencies]\npython = {git="a/b"}\n', {}, ""),
    ("git-empty", TABLE + DEPENDENCIES + 'b = {git=""}\n', {}, "12"),
    ("git-empty-optional", TABLE + DEPENDENCIES + 'b = {git="",optional=true}\n', {}, "1"),
    ("git-empty-np", VIRTUAL + DEPENDENCIES + 'b = {git=""}\n', {}, ""),
    ("pr-git", MODERN + 'dependencies=["b @ git+https://example.org/a/b?x=1"]\n', {}, "12"),
    ("pr-git-np", MODERN + 'dependencies=["b @ git+https://example.org/a/b?x=1"]\n[tool.poetry]\npackage-mode=false\n' + DEPENDENCIES, {}, "2"),
    ("pr-git-good-np", MODERN + 'dependencies=["b @ git+https://example.org/a/b"]\n[tool.poetry]\npackage-mode=false\n' + DEPENDENCIES, {}, ""),
    ("pr-hg-np", MODERN + 'dependencies=["b @ hg+https://example.org/a/b?x=1"]\n[tool.poetry]\npackage-mode=false\n' + DEPENDENCIES, {}, ""),
    ("readme-empty", TABLE + 'readme = ""\n' + DEPENDENCIES, {}, "1"),
    ("readme-empty-in-list", TABLE + 'readme = [""]\n' + DEPENDENCIES, {}, "1"),
    ("readme-empty-list", TABLE + "readme = []\n" + DEPENDENCIES, {}, ""),
    ("readme-dot", TABLE + 'readme = "."\n' + DEPENDENCIES, {}, "12"),
    ("readme-directory", TABLE + 'readme = "docs"\n' + DEPENDENCIES, README, "12"),
    ("readme-directory-np", VIRTUAL + 'readme = "docs"\n' + DEPENDENCIES, README, ""),
    ("readme-directory-second", TABLE + 'readme = ["README.md", "docs"]\n' + DEPENDENCIES, README, "12"),
    ("readme-gone-before-directory", TABLE + 'readme = ["gone.md", "docs"]\n' + DEPENDENCIES, README, "2"),
    ("readme-directory-before-gone", TABLE + 'readme = ["docs", "gone.md"]\n' + DEPENDENCIES, README, "12"),
    ("readme-outside", TABLE + 'readme = "../gone.md"\n' + DEPENDENCIES, {}, "2"),
    ("readme-gone-author-bad", TABLE.replace("A <a@example.org>", "<>") + 'readme = "gone.md"\n' + DEPENDENCIES, {}, "2"),
    ("readme-gone-script-bad", GONE + DEPENDENCIES + '[tool.poetry.scripts]\nx = "demo"\n', {}, "2"),
    ("readme-gone-package-missing", GONE + 'packages=[{include="nothere"}]\n' + DEPENDENCIES, {}, "2"),
    ("readme-gone-build-missing", GONE + 'build="nothere.py"\n' + DEPENDENCIES, {}, "2"),
    ("readme-gone-unknown-key", GONE + "foo = 1\n" + DEPENDENCIES, {}, "12"),
    ("readme-gone-constraint-bad", GONE + DEPENDENCIES + 'b = "latest"\n', {}, "12"),
    ("pr-readme-directory", MODERN + 'readme="docs"\n' + DEPENDENCIES, README, "12"),
    ("pr-readme-file-directory", MODERN + 'readme={file="docs",content-type="text/plain"}\n' + DEPENDENCIES, README, "12"),
    ("pr-full-readme-wins", MODERN + 'readme="README.md"\n' + TABLE + 'readme = "gone.md"\n' + DEPENDENCIES, README, ""),
    ("classifier-int", TABLE + "classifiers = [1]\n" + DEPENDENCIES, {}, "12"),
    ("classifier-mixed", TABLE + 'classifiers = ["a", true]\n' + DEPENDENCIES, {}, "12"),
    ("classifier-list", TABLE + 'classifiers = [["a"]]\n' + DEPENDENCIES, {}, "12"),
    ("classifier-int-np", VIRTUAL + "classifiers = [1]\n" + DEPENDENCIES, {}, ""),
    ("classifier-int-readme-gone", GONE + "classifiers = [1]\n" + DEPENDENCIES, {}, "2"),
    ("python-list-bad", TABLE + '[tool.poetry.dependencies]\npython = ["^3.10", "x y"]\n', {}, "12"),
    ("python-list-bad-np", VIRTUAL + '[tool.poetry.dependencies]\npython = ["x y", "^3.10"]\n', {}, "12"),
    ("python-list-empty-text", TABLE + '[tool.poetry.dependencies]\npython = [""]\n', {}, "12"),
    ("python-list-table", TABLE + '[tool.poetry.dependencies]\npython = ["^3.10", {version="x y"}]\n', {}, ""),
    ("python-table-bad", TABLE + '[tool.poetry.dependencies]\npython = {version="x y"}\n', {}, ""),
    ("python-group-bad", TABLE + DEPENDENCIES + '[tool.poetry.group.dev.dependencies]\npython = "x y"\n', {}, ""),
    ("name-slash", BADLY_NAMED + 'packages=[{include="demo"}]\n' + DEPENDENCIES, {}, "12"),
    ("name-slash-default", BADLY_NAMED + DEPENDENCIES, {"a/b/__init__.py": ""}, "12"),
    ("name-slash-nothing", BADLY_NAMED + DEPENDENCIES, {}, "2"),
    ("name-slash-np", BADLY_NAMED + "package-mode = false\n" + DEPENDENCIES, {}, ""),
    ("source-bracket", TABLE + DEPENDENCIES + '[[tool.poetry.source]]\nname="a"\nurl="http://[bad"\n', {}, "12"),
    ("source-host", TABLE + DEPENDENCIES + '[[tool.poetry.source]]\nname="a"\nurl="https://a\u2100b/x"\n', {}, "12"),
    ("source-address", TABLE + DEPENDENCIES + '[[tool.poetry.source]]\nname="a"\nurl="https://[::1]/x"\n', {}, ""),
    ("source-after-bad", TABLE + DEPENDENCIES + '[[tool.poetry.source]]\nname="a"\nurl="https://a.org"\n', {}, ""),
)
"""A name, a pyproject.toml, further files, and the versions that refuse it.

Each has the package `demo`."""
