"""How large a YAML document is once its aliases and merge keys are unfolded.

A parser copies what a merge key (`<<`) brings, so twenty lines that each merge the one
before twice become a million entries. Here it is counted on the nodes as they were
written, each looked at once.
"""

from collections.abc import Iterator

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from service.definitions.complexity import TooComplexError

__all__ = ["check_unfolding"]

_MERGE = "tag:yaml.org,2002:merge"


def check_unfolding(root: Node, most: int) -> None:
    """Let a document pass that unfolds to no more values than that.

    Raises:
        TooComplexError: It unfolds to more.
        ValueError: It contains itself.
    """
    sizes: dict[int, int] = {}
    above: set[int] = set()
    """The nodes on the way to the one that is looked at."""
    todo: list[tuple[Node, bool]] = [(root, False)]
    while todo:
        node, is_counted = todo.pop()
        name = id(node)
        if is_counted:
            above.discard(name)
            sizes[name] = 1 + sum(sizes[id(inner)] for inner in _inner(node))
            if sizes[name] > most:
                raise TooComplexError(
                    f"aliases and merge keys (<<) unfold to more than {most} values"
                )
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
