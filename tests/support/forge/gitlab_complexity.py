"""The complexity of a query, as GitLab counts it.

Each field is a point, with a further one where it calls the storage and for what a
resolver does; connections that a resolver serves count one per cent more for each node
of a page. After gitlab-org/gitlab, app/graphql/types/base_field.rb and
app/graphql/resolvers/base_resolver.rb, blobs_resolver.rb.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from graphql.error import GraphQLError
from graphql.language.ast import IntValueNode, VariableNode

__all__ = ["complexity"]

_STORAGE: Final = {"rootRef", "empty", "exists", "tree", "lastCommit", "lfsOid"}
_PAGES: Final = {"projects": 100}
_ROOT_BLOBS: Final = "paths"


def complexity(query: str, variables: Mapping[str, Any]) -> int:
    """Count the points of a query; none for one that cannot be parsed."""
    try:
        document = parse(query)
    except GraphQLError:
        return 0
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    counter = _Counter(fragments, variables)
    return sum(
        counter.selections(node.selection_set)
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    )


class _Counter:
    def __init__(
        self,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._fragments = fragments
        self._variables = variables

    def selections(self, found: SelectionSetNode | None) -> int:
        points = 0
        for node in found.selections if found else ():
            if isinstance(node, FieldNode):
                points += self._field(node)
            elif isinstance(node, InlineFragmentNode):
                points += self.selections(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments.get(node.name.value)
                points += self.selections(fragment.selection_set) if fragment else 0
        return points

    def _field(self, node: FieldNode) -> int:
        name = node.name.value
        below = self.selections(node.selection_set)
        arguments = {
            argument.name.value: argument.value for argument in node.arguments or ()
        }
        if name == "blobs" and _ROOT_BLOBS in arguments:
            paths = arguments[_ROOT_BLOBS]
            assert isinstance(paths, VariableNode), "written as a variable here"
            return (below + 2 + len(self._variables[paths.name.value])) * 2
        points = below + 1 + (name in _STORAGE)
        if name in _PAGES:
            first = arguments.get("first")
            nodes = int(first.value) if isinstance(first, IntValueNode) else 100
            points += points * nodes // 100
        return points
