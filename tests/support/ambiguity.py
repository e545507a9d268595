"""Find regular expressions that can take more than linear time, by their structure.

A backtracking matcher takes polynomial time on a pattern of which some text can be read
along two loops at once, and exponential time where one loop can read it in two ways
(Weber and Seidl, "On the degree of ambiguity of finite automata", 1991; used for
regular expressions by Weideman et al., 2016). Both are properties of the automaton, so
nothing is timed. `search` begins at every place of a text: one more loop in front.

Where a loop is left by success, whatever follows, nothing is ever tried again; such
loops are left out. What has to stand before a match counts (`(?<!x)`, `\\b`, `^` of
lines); other assertions are taken to hold always, which can only find more.
"""

import re
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from re import _constants as sre, _parser  # type: ignore[attr-defined]

__all__ = ["Finding", "find_ambiguity"]

_COPIES: Final = 3
"""How often a bounded repeat is unrolled; it is no loop."""
_OTHERS: Final = "aZ0 \t\n_-.,;:/\\'\"#@=<>()[]{}|~!?*+^$%&\x00\x7f\xe9\u20ac"


@dataclass(frozen=True, slots=True)
class Finding:
    """A text that, many times over, is read along two ways."""

    kind: str
    """`exponential` or `polynomial`."""
    pump: str


@dataclass(slots=True)
class _Part:
    """A part of a pattern: Glushkov's sets of its positions."""

    first: set[int] = field(default_factory=set)
    last: set[int] = field(default_factory=set)
    is_empty: bool = True
    """Whether it matches the empty text."""


class _Automaton:
    """The positions of a pattern, each with the characters that it takes."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.takes: list[frozenset[str]] = []
        self.next: list[set[int]] = []
        self._flags = flags
        parsed = _parser.parse(pattern, flags & ~re.DEBUG)
        self._flags |= parsed.state.flags
        self.letters = sorted({*_OTHERS, *_literals(parsed)})
        self.whole = self._sequence(parsed)
        self.before = frozenset(self._before(*next(iter(parsed), (None, None))))
        """The characters after which a match may begin, beside the very beginning."""

    def _before(self, operation: Any, argument: Any) -> Iterable[str]:
        everything = frozenset(self.letters)
        match operation, argument:
            case sre.AT, sre.AT_BEGINNING if self._flags & re.MULTILINE:
                return {"\n"}
            case sre.AT, sre.AT_BEGINNING | sre.AT_BEGINNING_STRING:
                return ()
            case sre.AT, sre.AT_BOUNDARY:
                words = {item for item in everything if re.match(r"\w", item)}
                first = set().union(*(self.takes[item] for item in self.whole.first))
                return everything - words if first <= words else everything
            case sre.ASSERT, (-1, body):
                return set(self._taken(*body[-1]))
            case sre.ASSERT_NOT, (-1, body) if _is_one_character(body):
                return everything - set(self._taken(*body[0]))
            case _:
                return everything

    def position(self, taken: Iterable[str]) -> _Part:
        self.takes.append(frozenset(taken))
        self.next.append(set())
        place = len(self.takes) - 1
        return _Part(first={place}, last={place}, is_empty=False)

    def _sequence(self, items: Iterable[tuple[Any, Any]]) -> _Part:
        whole = _Part()
        for operation, argument in items:
            whole = self.joined(whole, self._part(operation, argument))
        return whole

    def joined(self, one: _Part, two: _Part) -> _Part:
        for place in one.last:
            self.next[place] |= two.first
        return _Part(
            first=one.first | (two.first if one.is_empty else set()),
            last=two.last | (one.last if two.is_empty else set()),
            is_empty=one.is_empty and two.is_empty,
        )

    def _part(self, operation: Any, argument: Any) -> _Part:
        match operation:
            case sre.LITERAL | sre.NOT_LITERAL | sre.ANY | sre.IN | sre.RANGE:
                return self.position(self._taken(operation, argument))
            case sre.SUBPATTERN | sre.ATOMIC_GROUP:
                is_group = operation is sre.SUBPATTERN
                return self._sequence(argument[3] if is_group else argument)
            case sre.BRANCH | sre.GROUPREF_EXISTS:
                # Whether the group of a condition took part is not followed.
                is_branch = operation is sre.BRANCH
                return self._either(argument[1] if is_branch else argument[1:])
            case sre.MAX_REPEAT | sre.MIN_REPEAT | sre.POSSESSIVE_REPEAT:
                return self._repeated(*argument)
            case sre.AT | sre.ASSERT | sre.ASSERT_NOT:
                return _Part()
            case sre.GROUPREF:  # such as a quotation mark
                return self.position(self.letters)
            case _:
                raise NotImplementedError(f"{operation} is not known here")

    def _either(self, ways: Iterable[Iterable[tuple[Any, Any]] | None]) -> _Part:
        parts = [self._sequence(way or ()) for way in ways]
        return _Part(
            first=set().union(*(part.first for part in parts)),
            last=set().union(*(part.last for part in parts)),
            is_empty=any(part.is_empty for part in parts),
        )

    def _repeated(self, least: int, most: Any, body: Any) -> _Part:
        whole = _Part()
        for _ in range(min(least, _COPIES)):
            whole = self.joined(whole, self._sequence(body))
        if most is sre.MAXREPEAT:
            loop = self._sequence(body)
            for place in loop.last:
                self.next[place] |= loop.first
            loop.is_empty = True
            return self.joined(whole, loop)
        for _ in range(min(int(most) - least, _COPIES)):
            part = self._sequence(body)
            part.is_empty = True
            whole = self.joined(whole, part)
        return whole

    def _taken(self, operation: Any, argument: Any) -> Iterator[str]:
        """Yield the characters that one position takes, of those that are tried."""
        folds = bool(self._flags & re.IGNORECASE)
        for letter in self.letters:
            forms = {letter, letter.lower(), letter.upper()} if folds else {letter}
            if any(self._is_taken(operation, argument, form) for form in forms):
                yield letter

    def _is_taken(self, operation: Any, argument: Any, letter: str) -> bool:
        match operation:
            case sre.LITERAL:
                return letter == chr(int(argument))
            case sre.NOT_LITERAL:
                return letter != chr(argument)
            case sre.ANY:
                return letter != "\n" or bool(self._flags & re.DOTALL)
            case sre.RANGE:
                return bool(argument[0] <= ord(letter[0]) <= argument[1])
            case sre.CATEGORY:
                return _CATEGORIES[argument].fullmatch(letter) is not None
            case _:
                is_negated = argument[0][0] is sre.NEGATE
                found = any(
                    self._is_taken(inner, value, letter)
                    for inner, value in argument[is_negated:]
                )
                return found != is_negated


def _is_one_character(body: Any) -> bool:
    return len(body) == 1 and body[0][0] is not sre.AT


_CATEGORIES: Final = {
    sre.CATEGORY_DIGIT: re.compile(r"\d"),
    sre.CATEGORY_NOT_DIGIT: re.compile(r"\D"),
    sre.CATEGORY_SPACE: re.compile(r"\s"),
    sre.CATEGORY_NOT_SPACE: re.compile(r"\S"),
    sre.CATEGORY_WORD: re.compile(r"\w"),
    sre.CATEGORY_NOT_WORD: re.compile(r"\W"),
}


def _literals(items: Iterable[Any]) -> Iterator[str]:
    """Yield the characters that a parsed pattern names, and those beside ranges."""
    for item in items:
        if isinstance(item, tuple) and len(item) == 2 and item[0] is sre.LITERAL:
            yield chr(item[1])
        elif isinstance(item, tuple) and item and item[0] is sre.RANGE:
            yield from map(chr, item[1])
        elif isinstance(item, tuple | list | _parser.SubPattern):
            yield from _literals(item)


def find_ambiguity(
    pattern: str | bytes, flags: int = 0, *, method: str = "search"
) -> Finding | None:
    """Return what makes a pattern take more than linear time; None when nothing does.

    Args:
        pattern: The pattern.
        flags: As `re.compile` takes them.
        method: How it is used: `match`, `fullmatch`, or anything that searches.
    """
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    automaton = _Automaton(text, flags)
    is_whole = method == "fullmatch" or _ends_at_end(text, flags)
    over = set() if is_whole else automaton.whole.last
    before = automaton.before if method not in {"match", "fullmatch"} else frozenset()
    return _Search(automaton, over=over, before=before).find()


def _ends_at_end(text: str, flags: int) -> bool:
    """Say whether something has to follow the last loop: an end, or an assertion."""
    parsed = list(_parser.parse(text, flags))
    return bool(parsed) and parsed[-1][0] in {sre.AT, sre.ASSERT, sre.ASSERT_NOT}


class _Search:
    """Looks for two readings of one text.

    Args:
        automaton: Of the pattern.
        over: Positions at which the match has succeeded, whatever follows.
        before: The characters after which a match may begin.
    """

    def __init__(
        self, automaton: _Automaton, *, over: set[int], before: frozenset[str]
    ) -> None:
        self._takes = list(automaton.takes)
        self._next = [set(item) for item in automaton.next]
        self._over = over
        if before:
            # Any text, and then the last character before a match.
            self._takes += [frozenset(automaton.letters), before]
            place = len(self._next)
            self._next += [{place, place + 1}, set(automaton.whole.first)]
        self._beyond = [self._reached(number) for number in range(len(self._next))]
        self._loops = [item for item, there in enumerate(self._beyond) if item in there]

    def find(self) -> Finding | None:
        for place in self._loops:
            if place not in self._over and (pump := self._twice(place)):
                return Finding("exponential", pump)
        for one, two in product(self._loops, self._loops):
            is_open = one not in self._over and two not in self._over
            if one != two and is_open and two in self._beyond[one]:
                pump = self._walk((one, one, two), (one, two, two))
                if pump:
                    return Finding("polynomial", pump)
        return None

    def _twice(self, place: int) -> str | None:
        """Return a text over which a position comes back to itself in two ways."""
        others = [number for number in range(len(self._next)) if number != place]
        for other in others:
            if not (other in self._beyond[place] and place in self._beyond[other]):
                continue
            before = self._walk((place, place), (place, other))
            after = self._walk((place, other), (place, place))
            if before and after:
                return before + after
        return None

    def _walk(self, begin: tuple[int, ...], end: tuple[int, ...]) -> str | None:
        """Return a text that leads every place of a tuple to that of another."""
        seen, waiting = {begin}, deque([(begin, "")])
        while waiting:
            here, text = waiting.popleft()
            for there in product(*(self._next[item] for item in here)):
                letters = frozenset.intersection(*(self._takes[item] for item in there))
                if not letters:
                    continue
                if there == end:
                    return text + min(letters)
                is_hopeful = all(
                    goal == item or goal in self._beyond[item]
                    for item, goal in zip(there, end, strict=True)
                )
                if there not in seen and is_hopeful and not self._over & {*there}:
                    seen.add(there)
                    waiting.append((there, text + min(letters)))
        return None

    def _reached(self, begin: int) -> set[int]:
        seen: set[int] = set()
        waiting = [begin]
        while waiting:
            for there in self._next[waiting.pop()] - seen:
                seen.add(there)
                waiting.append(there)
        return seen
