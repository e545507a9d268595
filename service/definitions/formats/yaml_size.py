"""The size of a YAML document with its aliases and merge keys expanded.

A parser copies what a merge key (`<<`) adds, so twenty lines that each merge the one
before twice become a million entries. Here the size is computed on the nodes before the
expansion, each visited once.
"""

from collections.abc import Iterator

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from service.definitions.formats.complexity import TooComplexError

__all__ = ["check_unfolding"]

_MERGE = "tag:yaml.org,2002:merge"


def check_unfolding(root: Node, most: int) -> None:
    """Check that a document expands to at most `most` values.

    Raises:
        TooComplexError: It expands to more.
        ValueError: It contains itself.
    """
    sizes: dict[int, int] = {}
    above: set[int] = set()
    """The ancestors of the current node."""
    # A stack in place of recursion: a document that the composer, which recurses, just
    # takes may be nested too deeply for a second recursion.
    todo: list[tuple[Node, bool]] = [(root, False)]
    while todo:
        node, is_counted = todo.pop()
        name = id(node)
        if is_counted:
            above.discard(name)
            sizes[name] = 1 + sum(sizes[id(inner)] for inner in _inner(node))
            # Checked at every node and not at the end: sizes double at each level, so
            # the numbers themselves would grow to thousands of digits.
            if sizes[name] > most:
                raise TooComplexError(
                    f"aliases and merge keys (<<) expand to more than {most} values"
                )
        # Such a node has no finite size, and would be visited without end.
        elif name in above:
            raise ValueError("a value contains itself")
        elif name not in sizes:
            above.add(name)
            todo.append((node, True))
            todo.extend((inner, False) for inner in _inner(node))


def _inner(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.tag != _MERGE:
                yield key
            yield value
    elif isinstance(node, SequenceNode):
        yield from node.value
