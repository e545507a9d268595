"""YAML, read with conda's own parser, and where in the file things stand."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from service.definitions.complexity import TooComplexError
from service.definitions.unfolding import check_unfolding

__all__ = ["Document", "MalformedYamlError", "Mark", "load"]

MAX_NODES: Final = 50_000
"""Values in one document, with those that aliases repeat."""

Mark = tuple[int, int]
"""Line and column, from 1."""


class MalformedYamlError(ValueError):
    """Conda could not read this.

    Args:
        message: Why.
        mark: Where, as far as that is known.
    """

    def __init__(self, message: str, mark: Mark | None = None) -> None:
        super().__init__(message)
        self.mark = mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A mapping, as an environment file has to be one."""

    values: Mapping[object, object]
    marks: Mapping[tuple[object, ...], Mark]
    """Where the value at a path of keys and positions begins."""

    def mark(self, *path: object) -> Mark | None:
        """Return where a value begins; None when an alias or a merge brought it."""
        return self.marks.get(path)


def load(raw: bytes) -> Document:
    """Parse a document.

    Raises:
        MalformedYamlError: Conda could not read it.
        TooComplexError: It unfolds without end.
    """
    with warnings.catch_warnings():
        # The parser warns of harmless things, such as an anchor that is used twice.
        warnings.simplefilter("ignore")
        try:
            values, root = _parsed(raw)
        except (MalformedYamlError, TooComplexError):
            raise
        except MarkedYAMLError as exc:
            raise MalformedYamlError(_why(exc), _mark_of(exc)) from exc
        except (YAMLError, ValueError) as exc:
            raise MalformedYamlError(str(exc).splitlines()[0]) from exc
        except RecursionError:
            raise MalformedYamlError("it is nested too deeply") from None
    if not isinstance(values, Mapping):
        raise MalformedYamlError("expected a mapping with channels and dependencies")
    return Document(values=values, marks=_marks(root))


def _parsed(raw: bytes) -> tuple[object, Node]:
    """Load, and keep the nodes: they know where they stand."""
    # As `YAML.load` does it, which throws the nodes away.
    constructor, parser = YAML(typ="safe", pure=True).get_constructor_parser(raw)
    try:
        root = constructor.composer.get_single_node()
        if root is None:
            raise MalformedYamlError("it is empty")
        check_unfolding(root, MAX_NODES)
        return constructor.construct_document(root), root
    finally:
        parser.dispose()


def _why(exc: MarkedYAMLError) -> str:
    why = str(exc.problem or exc.context or "it is no YAML")
    if "\\t" in why:
        why += " (YAML is indented with spaces, comments too)"
    return why


def _mark_of(exc: MarkedYAMLError) -> Mark | None:
    mark = exc.problem_mark or exc.context_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else None


def _marks(root: Node) -> dict[tuple[object, ...], Mark]:
    """Note where sections, their entries and the entries' entries begin."""
    marks: dict[tuple[object, ...], Mark] = {}
    todo: list[tuple[tuple[object, ...], Node]] = [((), root)]
    while todo:
        path, node = todo.pop()
        marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if len(path) > _DEEPEST:
            continue
        if isinstance(node, MappingNode):
            todo.extend(
                ((*path, key.value), value)
                for key, value in node.value
                if isinstance(key, ScalarNode)
            )
        elif isinstance(node, SequenceNode):
            todo.extend(((*path, place), it) for place, it in enumerate(node.value))
    return marks


_DEEPEST: Final = 3
"""`dependencies`, a position, `pip`, a position."""
