"""YAML documents, parsed with conda's own parser, with the positions of values."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.docinfo import DocInfo
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from service.definitions.formats.complexity import TooComplexError
from service.definitions.formats.numbers import check_numbers
from service.definitions.formats.yaml_size import check_unfolding
from service.definitions.python.misspelt import UNRESOLVED, find_conflict

__all__ = ["Document", "MalformedYamlError", "Mark", "load"]

MAX_NODES: Final = 50_000
"""Values in one document, including those that aliases repeat."""

Mark = tuple[int, int]
"""Line and column, from 1."""


class MalformedYamlError(ValueError):
    """A document that conda cannot parse.

    Args:
        message: The reason.
        mark: The position, if it is known.
    """

    def __init__(self, message: str, mark: Mark | None = None) -> None:
        super().__init__(message)
        self.mark = mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed document: an environment file has to be a mapping."""

    values: Mapping[object, object]
    marks: Mapping[tuple[object, ...], Mark]
    """The position of the value at each path of keys and indexes."""

    def mark(self, *path: object) -> Mark | None:
        """Return the position of a value; None when an alias or merge key added it."""
        return self.marks.get(path)


def load(raw: bytes) -> Document:
    """Parse a document.

    Raises:
        MalformedYamlError: Conda could not parse it.
        TooComplexError: Its aliases expand to too many values.
    """
    with warnings.catch_warnings():
        # The parser warns of harmless problems, such as a duplicate anchor.
        warnings.simplefilter("ignore")
        try:
            values, root = _parse(raw)
        except (MalformedYamlError, TooComplexError):
            raise
        except MarkedYAMLError as exc:
            if line := find_conflict(raw):
                raise MalformedYamlError(UNRESOLVED, (line, 1)) from exc
            raise MalformedYamlError(_why(exc), _mark_of(exc)) from exc
        except (YAMLError, ValueError) as exc:
            raise MalformedYamlError(str(exc).splitlines()[0]) from exc
        except RecursionError:
            raise MalformedYamlError("it is nested too deeply") from None
    if not isinstance(values, Mapping):
        raise MalformedYamlError("expected a mapping with channels and dependencies")
    return Document(values=values, marks=_marks(root))


def _parse(raw: bytes) -> tuple[object, Node]:
    """Parse a document; return its value, and its root node for the positions."""
    # These are the steps of `YAML.load`, which discards the nodes and so the positions.
    reader = YAML(typ="safe", pure=True)
    reader.doc_infos.append(DocInfo(requested_version=None))
    reader.tags = {}
    constructor, parser = reader.get_constructor_parser(raw)
    try:
        root = constructor.composer.get_single_node()
        if root is None:
            raise MalformedYamlError("it is empty")
        # Between composing and constructing: nodes share what an alias repeats, and
        # only the construction copies what a merge key adds.
        check_unfolding(root, MAX_NODES)
        try:
            values = constructor.construct_document(root)
        except _FAULTS as exc:
            raise _about_value(exc, root) from exc
        check_numbers(values)
    except AssertionError as exc:
        raise MalformedYamlError(f"of its directive %YAML, {exc}", (1, 1)) from exc
    else:
        return values, root
    finally:
        parser.dispose()


_FAULTS: Final = (
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)
"""What the parser raises, beside its own errors, where it has no rule for a value:
`!!bool x`, `!!int ""`, a mapping in a key, a time after the year 9999. It ends conda,
too."""


def _about_value(exc: Exception, root: Node) -> MalformedYamlError:
    """Name the value that the parser failed over, as it does not."""
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, MappingNode):
            for key, value in reversed(node.value):
                if not isinstance(key, ScalarNode):
                    at = _mark_at(key.start_mark)
                    return MalformedYamlError("a key is no single value", at)
                todo += (value, key)
        elif isinstance(node, SequenceNode):
            todo += reversed(node.value)
        elif not _is_readable(node):
            kind = str(node.tag).rpartition(":")[2]
            what = f"{node.value!r} is no value of the kind {kind}"
            return MalformedYamlError(what, _mark_at(node.start_mark))
    return MalformedYamlError(str(exc).partition("\n")[0] or type(exc).__name__)


def _is_readable(node: Node) -> bool:
    try:
        # A new one: the constructor that failed takes the value for a recursive one.
        YAML(typ="safe", pure=True).constructor.construct_object(node)
    except _FAULTS:
        return False
    return True


def _why(exc: MarkedYAMLError) -> str:
    why = str(exc.problem or exc.context or "it is no YAML")
    if isinstance(exc, DuplicateKeyError):
        # The parser quotes values that it has not read yet.
        why = why.partition(" with value")[0]
    if _is_unclosed(exc):
        return f"what opens here is not closed: {why}"
    # The parser names the character as a literal of Python, and nothing more.
    if "\\t" in why:
        why += " (YAML is indented with spaces, comments too)"
    return why


def _mark_of(exc: MarkedYAMLError) -> Mark | None:
    mark = exc.problem_mark or exc.context_mark
    if _is_unclosed(exc):
        mark = exc.context_mark
    return None if mark is None else _mark_at(mark)


def _is_unclosed(exc: MarkedYAMLError) -> bool:
    """Return whether the file ended within quotes or brackets: its end is no help."""
    problem = str(exc.problem or "")
    is_end = "end of stream" in problem or "<stream end>" in problem
    return is_end and exc.context_mark is not None


def _mark_at(mark: StreamMark) -> Mark:
    return mark.line + 1, mark.column + 1


def _marks(root: Node) -> dict[tuple[object, ...], Mark]:
    """Return the positions of sections, their entries, and the entries' entries."""
    marks: dict[tuple[object, ...], Mark] = {}
    todo: list[tuple[tuple[object, ...], Node]] = [((), root)]
    while todo:
        path, node = todo.pop()
        marks[path] = _mark_at(node.start_mark)
        # Positions are for findings, and none is about anything deeper; a document of
        # 50,000 values would keep as many tuples.
        if len(path) > _DEEPEST:
            continue
        if isinstance(node, MappingNode):
            todo.extend(
                ((*path, key.value), value)
                for key, value in node.value
                if isinstance(key, ScalarNode)
            )
        elif isinstance(node, SequenceNode):
            todo.extend(((*path, index), item) for index, item in enumerate(node.value))
    return marks


_DEEPEST: Final = 3
"""The depth of `dependencies`, an index, `pip`, an index."""
