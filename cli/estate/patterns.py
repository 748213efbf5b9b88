"""Regular expressions of the plain kind, searched in a time that grows with the text and never explodes.

Patterns come out of files of other people. Python's own engine goes back and tries again, so that a short pattern may
keep it busy for years. Here a pattern becomes an automaton whose states are followed all at once (Thompson 1968): each
character of a text is looked at once. What needs going back (back references, look-around) is no plain expression and
is refused.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

MOST_STATES = 5_000
MOST_REPEATS = 200
CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdigit,
    "w": lambda sign: sign.isalnum() or sign == "_",
    "s": str.isspace,
}
PLAIN = {"t": "\t", "n": "\n", "r": "\r"}


class NotPlain(ValueError):
    """A text that is no expression, or not of the plain kind; says what is wrong and where."""


@dataclass(slots=True)
class State:
    """One state. `test`: the character that leads on; None: it leads on without one, at the beginning or end of the
    text only where `at` says so."""

    test: Callable[[str], bool] | None = None
    at: str = ""
    following: tuple[int, ...] = ()


class Pattern:
    """A compiled expression."""

    def __init__(self, text: str) -> None:
        """Raises NotPlain."""
        self.text = text
        self.place = 0
        self.states: list[State] = []
        self.branches = 0
        self.end = self._state(State())
        self.start = self._alternatives(self.end)
        if self.place < len(text):
            raise self._wrong("a ) without its (")
        self.prefix = _prefix(text) if self.branches == 1 else ""

    def search(self, text: str) -> bool:
        """Whether it fits anywhere in the text."""
        # Most expressions begin with the beginning and some plain letters: most texts need no automaton.
        if self.prefix and not text.startswith(self.prefix):
            return False
        current: set[int] = set()
        for place in range(len(text) + 1):
            self._reach((self.start,), place, len(text), current)
            if self.end in current:
                return True
            if place == len(text):
                return False
            sign, after = text[place], set[int]()
            for each in current:
                state = self.states[each]
                if state.test is not None and state.test(sign):
                    self._reach(state.following, place + 1, len(text), after)
            current = after
        return False

    def _reach(self, targets: Iterable[int], place: int, length: int, found: set[int]) -> None:
        """Add what is reached without a character."""
        waiting = list(targets)
        while waiting:
            each = waiting.pop()
            if each in found:
                continue
            found.add(each)
            state = self.states[each]
            if state.test is None and not ((state.at == "^" and place != 0) or (state.at == "$" and place != length)):
                waiting += state.following

    # Each of these reads a part of the expression from the right place on and gives the state with which it begins;
    # it goes on to `after`. An automaton is built from its end, so parts are read into functions first.

    def _alternatives(self, after: int) -> int:
        branches = [self._sequence()]
        while self._next("|"):
            branches.append(self._sequence())
        self.branches = len(branches)
        starts = tuple(build(after) for build in branches)
        return starts[0] if len(starts) == 1 else self._state(State(following=starts))

    def _sequence(self) -> Callable[[int], int]:
        parts: list[Callable[[int], int]] = []
        while self.place < len(self.text) and self.text[self.place] not in "|)":
            parts.append(self._repeated(self._atom()))

        def build(after: int) -> int:
            for part in reversed(parts):
                after = part(after)
            return after

        return build

    def _atom(self) -> Callable[[int], int]:
        sign = self._take()
        if sign == "(":
            return self._group()
        if sign in "^$":
            return lambda after: self._state(State(at=sign, following=(after,)))
        if sign == ".":
            return self._one(lambda each: each != "\n")
        if sign == "[":
            return self._one(self._set())
        if sign == "\\":
            return self._one(self._escaped())
        if sign in "*+?":
            raise self._wrong(f"a {sign} that repeats nothing")
        return self._one(sign.__eq__)

    def _group(self) -> Callable[[int], int]:
        if self._next("?") and not self._next(":"):
            raise self._wrong("only plain groups are taken, ( ) and (?: )")
        branches = [self._sequence()]
        while self._next("|"):
            branches.append(self._sequence())
        if not self._next(")"):
            raise self._wrong("a ( without its )")
        return lambda after: self._state(State(following=tuple(build(after) for build in branches)))

    def _repeated(self, part: Callable[[int], int]) -> Callable[[int], int]:
        if self._next("*"):
            least, most = 0, None
        elif self._next("+"):
            least, most = 1, None
        elif self._next("?"):
            least, most = 0, 1
        elif self._next("{"):
            least, most = self._bounds()
        else:
            return part
        self._next("?")  # a lazy one finds the same texts
        if self.place < len(self.text) and self.text[self.place] in "*+?{":
            raise self._wrong("a repetition of a repetition")

        def build(after: int) -> int:
            if most is None:
                loop = self._state(State())
                self.states[loop].following = (part(loop), after)
                after = loop
            else:
                done = after
                for _ in range(most - least):
                    after = self._state(State(following=(part(after), done)))
            for _ in range(least):
                after = part(after)
            return after

        return build

    def _bounds(self) -> tuple[int, int | None]:
        inside, closed, _ = self.text[self.place :].partition("}")
        first, comma, second = inside.partition(",")
        if not closed or not first.isdigit() or not (second.isdigit() or not second):
            raise self._wrong("a { that is no {n}, {n,} or {n,m}")
        self.place += len(inside) + 1
        least = int(first)
        most = least if not comma else int(second) if second else None
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise self._wrong(f"between 0 and {MOST_REPEATS} repetitions, in order")
        return least, most

    def _set(self) -> Callable[[str], bool]:
        negated = self._next("^")
        signs: set[str] = set()
        ranges: list[tuple[str, str]] = []
        tests: list[Callable[[str], bool]] = []
        first = True
        while first or not self._next("]"):
            first = False
            sign = self._take("a [ without its ]")
            if sign == "\\":
                escaped = self._take()
                if escaped in CLASSES:
                    tests.append(CLASSES[escaped])
                    continue
                sign = PLAIN.get(escaped, escaped)
            if self.text[self.place : self.place + 1] == "-" and self.text[self.place + 1 : self.place + 2] not in "]":
                self._take()
                last = self._take("a [ without its ]")
                last = self._take() if last == "\\" else last
                if last < sign:
                    raise self._wrong(f"{sign}-{last} is no range")
                ranges.append((sign, last))
            else:
                signs.add(sign)

        def test(each: str) -> bool:
            fits = each in signs or any(low <= each <= high for low, high in ranges) or any(one(each) for one in tests)
            return fits is not negated

        return test

    def _escaped(self) -> Callable[[str], bool]:
        sign = self._take("a \\ at the end")
        if sign.lower() in CLASSES:
            test = CLASSES[sign.lower()]
            return test if sign.islower() else lambda each: not test(each)
        if sign.isalnum() and sign not in PLAIN:
            raise self._wrong(f"\\{sign} is nothing plain")
        return PLAIN.get(sign, sign).__eq__

    def _one(self, test: Callable[[str], bool]) -> Callable[[int], int]:
        return lambda after: self._state(State(test, following=(after,)))

    def _state(self, state: State) -> int:
        if len(self.states) >= MOST_STATES:
            raise self._wrong(f"it would have more than {MOST_STATES} states")
        self.states.append(state)
        return len(self.states) - 1

    def _next(self, sign: str) -> bool:
        if self.text[self.place : self.place + 1] != sign:
            return False
        self.place += 1
        return True

    def _take(self, missing: str = "it ends too early") -> str:
        if self.place >= len(self.text):
            raise self._wrong(missing)
        self.place += 1
        return self.text[self.place - 1]

    def _wrong(self, what: str) -> NotPlain:
        return NotPlain(f"{what}, at character {self.place} of {self.text}")


def _prefix(text: str) -> str:
    """The plain letters that every text fitting the expression, which is no choice, begins with."""
    if not text.startswith("^"):
        return ""
    letters = 1
    while letters < len(text) and (text[letters].isalnum() or text[letters] in "-_"):
        letters += 1
    # What is repeated may be absent.
    return text[1 : letters - 1] if text[letters : letters + 1] in ("*", "?", "{") else text[1:letters]
