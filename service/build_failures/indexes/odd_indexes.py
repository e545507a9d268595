"""Explain answers of an index that mean another thing by who named the index."""

import re
from collections.abc import Mapping
from typing import Final

from packaging.utils import canonicalize_name

from service.build_failures.index_messages import FORBIDS
from service.build_failures.locate import find_requirement, name_of
from service.build_failures.messages import CHECK_NAME
from service.domain.building.failure import Failure, FailureClass

__all__ = ["explain_odd_index"]

_SKIPPED: Final = re.compile(
    r"Skipping page (?P<page>\S{1,1000}) because the \w{1,9} request got Content-Type: "
    r"(?P<type>[^\s;.]{1,100})"
)
_LACKING: Final = re.compile(
    r"the requirement (?P<what>[\w.-]++)[^\n]{0,500}\(from versions: none\)"
)
_UNSUPPORTED: Final = re.compile(
    r"Unsupported `Content-Type` \"(?P<type>[^\"\n]{1,100})\" for `(?P<page>[^`\n]+)`"
)
_FORBIDDEN: Final = re.compile(
    r"(?<![\w.-])(?P<what>[\w.-]++) was not found in the package registry"
    r"[\s\S]{0,4000}?An index \((?P<index>[^)\s]+)\) returned a 403 Forbidden error"
)
_NAMED: Final = re.compile(r"^[ \t]*\[\[(?:tool\.uv\.)?index\]\]", re.MULTILINE)
_DEFAULT: Final = re.compile(r"^[ \t]*default[ \t]*=[ \t]*true", re.MULTILINE)
_BEFORE_HOST: Final = re.compile(r"^\w+://(?:[^/@]*@)?")


def explain_odd_index(text: str, files: Mapping[str, str]) -> Failure | None:
    """Explain a page that is of no index, and a 403 of one index of several.

    Args:
        text: The end of the log.
        files: The definition and the files that it includes.
    """
    return _explain_page(text, files) or _explain_forbidden(text, files)


def _explain_page(text: str, files: Mapping[str, str]) -> Failure | None:
    lacking = {canonicalize_name(match["what"]) for match in _LACKING.finditer(text)}
    skipped = (
        match
        for match in _SKIPPED.finditer(text)
        if canonicalize_name(name_of(match["page"])) in lacking
    )
    match = _UNSUPPORTED.search(text) or next(skipped, None)
    if match is None:
        return None
    index = match["page"].rstrip("/").rpartition("/")[0]
    path = _file_with(index, files)
    return Failure(
        # What operators named, another definition does not mend.
        kind=FailureClass.BAD_DEFINITION if path else FailureClass.INDEX_REFUSED,
        message=f"{path + ': ' if path else ''}there is no package index at {index}: it"
        f" answers with {match['type']} where a list of files should be",
        hint="correct the URL of the index; it mostly ends with /simple",
        path=path,
    )


def _explain_forbidden(text: str, files: Mapping[str, str]) -> Failure | None:
    """Explain a 403 that uv takes for the end of its search."""
    match = _FORBIDDEN.search(text)
    if match is None or not _is_one_of_several(match["index"], files):
        return None
    location = find_requirement(match["what"], files)
    return Failure(
        kind=FailureClass.NO_SUCH_PACKAGE,
        message=location.before(f"there is no package `{match['what']}` in the index"),
        hint=f"{CHECK_NAME}; {FORBIDS.format(what=match['index'])}: if it is in another"
        " one, add ignore-error-codes = [403] to this index",
        path=location.path,
        line=location.line,
    )


def _is_one_of_several(index: str, files: Mapping[str, str]) -> bool:
    content = files.get(_file_with(index, files), "")
    # Unless one is the default, the public index is asked after those that are named.
    return len(_NAMED.findall(content)) + (not _DEFAULT.search(content)) > 1


def _file_with(index: str, files: Mapping[str, str]) -> str:
    where = _BEFORE_HOST.sub("", index).rstrip("/")
    return next((path for path, content in files.items() if where in content), "")
