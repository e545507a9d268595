"""Rules of the settings that grant repositories to projects."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from service.domain.repository import LOCAL_HOST, Repository
from service.domain.rights.caller import ProjectId
from service.domain.rights.project import LinkedRepository
from service.errors import InvalidRequestError

__all__ = ["NO_RULES", "GrantRule", "GrantRules"]

_EVERY_PROJECT: Final = "*"
_PROJECT: Final = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
_WILDCARD: Final = re.compile(r"(\*\*|\*)")
_EXPECTED: Final = (
    "expected host/path=project, where * in the path stands for one segment or a part "
    "of it, ** for any number of them, and the project is an id, or * for all"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRule:
    """Repositories that a project, or every project, may have read."""

    host: str
    """A host by its name; never a pattern, so that no other host can match."""
    path: str
    """A pattern, in lower case."""
    project: ProjectId | None
    """None for every project."""

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse a rule such as `github.com/acme/*=01JZ8XK2V3T4Y5W6Q7R8S9T0PR`.

        Raises:
            InvalidRequestError: It is no such rule.
        """
        where, _, project = (part.strip() for part in text.rpartition("="))
        host, _, path = where.removeprefix("https://").partition("/")
        is_project = project == _EVERY_PROJECT or _PROJECT.fullmatch(project.upper())
        # A project by its id and not by its name: names change, and users choose them.
        if not host or "*" in host or not path.strip("/") or not is_project:
            raise InvalidRequestError(f"{text[:200]!r} is no rule; {_EXPECTED}")
        return cls(
            host=host.lower(),
            path=path.strip("/").removesuffix(".git").casefold(),
            project=None if project == _EVERY_PROJECT else ProjectId(project.upper()),
        )

    def matches(self, project: ProjectId, repository: Repository) -> bool:
        """Return whether the rule grants a repository to a project."""
        if self.project not in {None, project} or repository.host != self.host:
            return False
        pattern = "".join(
            {"*": "[^/]*", "**": ".*"}.get(part, re.escape(part))
            for part in _WILDCARD.split(self.path)
        )
        return re.fullmatch(pattern, repository.path.casefold()) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRules:
    """All rules; one that matches is enough."""

    rules: Sequence[GrantRule] = ()

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Self:
        """Parse rules.

        Raises:
            InvalidRequestError: One of them is none.
        """
        return cls(rules=tuple(GrantRule.from_text(text) for text in texts))

    def grants(self, project: ProjectId, repository: Repository) -> bool:
        """Return whether a project may have a repository read with credentials."""
        # Files of this machine belong to nobody of a forge; only an administrator may
        # hand them out, one by one.
        if repository.host == LOCAL_HOST:
            return False
        return any(rule.matches(project, repository) for rule in self.rules)

    def apply(self, project: ProjectId, link: LinkedRepository) -> LinkedRepository:
        """Return a link as the rules have it; what an administrator granted stays."""
        if link.is_granted and not link.is_by_rule:
            return link
        known = link.repository
        is_granted = known is not None and self.grants(project, known)
        return LinkedRepository(
            url=link.url, is_granted=is_granted, is_by_rule=is_granted
        )


NO_RULES: Final = GrantRules()
