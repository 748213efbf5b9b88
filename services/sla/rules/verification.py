"""The clocks of a record once more, from its facts, by plain means: to be compared with the stored ones.

Written to be read beside the definition and to share no arithmetic with `calendar`, `clock` and `fold`: it first lists
for each clock when it ran and on what terms, then measures each stretch by `walking` from day to day.
Only the policies themselves and the choice among agreements (`agreements`) are common to both.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.sla.rules.agreements import Book, Held, Subject, Terms
from services.sla.rules.clock import Clock, judge
from services.sla.rules.facts import Fact
from services.sla.rules.fold import Case
from services.sla.rules.walking import NOTHING, first_open, walk, walk_until


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a clock should be; the fields mean what they mean in `Clock`."""

    key: str
    ordinal: int
    held: Held
    state: str
    outcome: str
    elapsed: timedelta
    started_at: datetime
    due_at: datetime | None
    late_from: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None
    time_went_back: bool


def verify(facts: Iterable[Fact], book: Book, now: datetime | None = None) -> list[Verdict]:
    """The clocks of a record at the instant `now`, or else at its last fact, in the order in which they started."""
    lines: list[_Line] = []
    story = _Story()
    for fact in sorted(facts, key=lambda each: each.sequence):
        story.take(fact, lines, book)
    end = max(story.at, now) if now is not None else story.at
    for line in lines:
        line.follow(book, end)
    return [line.verdict(end) for line in lines]


def differences(
    case: Case, facts: Iterable[Fact], book: Book, now: datetime | None = None
) -> list[tuple[str, str, object, object]]:
    """(clock, field, stored, recomputed) for every field in which the stored clocks, judged at `now`, or else at the
    last fact, differ from the recomputed ones."""
    recomputed = {f"{each.key}#{each.ordinal}": each for each in verify(facts, book, now)}
    end = max(case.record.at, now) if now is not None else case.record.at
    stored = {f"{each.key}#{each.ordinal}": judge(each, book, end) for each in case.clocks}
    found: list[tuple[str, str, object, object]] = []
    for name in sorted(recomputed.keys() | stored.keys()):
        if name not in recomputed or name not in stored:
            found.append((name, "exists", name in stored, name in recomputed))
            continue
        found += _compare(name, stored[name], recomputed[name])
    return found


def _compare(name: str, stored: Clock, recomputed: Verdict) -> Iterator[tuple[str, str, object, object]]:
    for attribute in Verdict.__slots__:
        ours, theirs = getattr(stored, attribute), getattr(recomputed, attribute)
        if ours != theirs:
            yield name, attribute, ours, theirs


@dataclass(slots=True)
class _Step:
    """From `at` on the clock runs or not, on these terms, counting from nothing where `anew`."""

    at: datetime
    runs: bool
    terms: Terms
    anew: bool = False


@dataclass(slots=True)
class _Line:
    """When one clock ran, and on what terms."""

    key: str
    ordinal: int
    steps: list[_Step]
    since_terms: datetime
    ended: str | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None
    went_back: bool = False

    @property
    def terms(self) -> Terms:
        return self.steps[-1].terms

    def step(self, at: datetime, runs: bool, terms: Terms, anew: bool = False) -> None:
        if terms is not self.terms or anew:
            self.since_terms = at
        self.steps.append(_Step(at, runs, terms, anew))

    def end(self, how: str, at: datetime, why: str | None = None) -> None:
        self.ended, self.ended_at, self.ended_why = how, at, why

    def go_on(self) -> None:
        """Take back the end; from there to now the clock did not run."""
        assert self.ended_at is not None
        self.steps.append(_Step(self.ended_at, False, self.terms))
        self.ended = self.ended_at = self.ended_why = None

    def follow(self, book: Book, until: datetime) -> None:
        if self.ended or self.terms.target.on_new_version != "follow":
            return
        for instant in book.new_versions(self.terms.held, self.since_terms, until):
            new = book.after_new_version(self.terms, instant)
            if new is not self.terms:
                self.step(instant, self.steps[-1].runs, new)

    def verdict(self, now: datetime) -> Verdict:
        end = self.ended_at if self.ended and self.ended_at else now
        elapsed, breached_at, started_at = NOTHING, None, self.steps[0].at
        due_at = late_from = None
        for number, step in enumerate(self.steps):
            until = self.steps[number + 1].at if number + 1 < len(self.steps) else end
            if step.anew:
                elapsed, started_at = NOTHING, step.at
            limit, calendar = step.terms.limit, step.terms.calendar
            due_at = late_from = None
            if elapsed > limit:
                breached_at = breached_at or step.at
            else:
                breached_at = None
                if step.runs:
                    due_at = walk_until(calendar, step.at, limit - elapsed)
                    late_from = first_open(calendar, due_at) if due_at is not None else None
            if step.runs:
                within = elapsed <= limit
                elapsed += walk(calendar, step.at, until)
                if within and elapsed > limit:
                    breached_at = late_from
        state = self.ended or ("running" if self.steps[-1].runs else "paused")
        outcome = "missed" if breached_at else "met" if state == "stopped" else "pending"
        if state == "cancelled":
            outcome, due_at, late_from = "pending", None, None
        return Verdict(
            key=self.key,
            ordinal=self.ordinal,
            held=self.terms.held,
            state=state,
            outcome=outcome,
            elapsed=elapsed,
            started_at=started_at,
            due_at=due_at,
            late_from=late_from,
            breached_at=breached_at,
            stopped_at=self.ended_at if state == "stopped" else None,
            time_went_back=self.went_back,
        )


class _Story:
    """The record, fact by fact."""

    def __init__(self) -> None:
        self.sequence = 0
        self.at = datetime.min.replace(tzinfo=UTC)
        self.status = ""
        self.reason: str | None = None
        self.subject: Subject | None = None
        self.done: set[str] = set()

    def take(self, fact: Fact, lines: list[_Line], book: Book) -> None:
        if fact.sequence <= self.sequence:
            return
        back = fact.at < self.at
        other = self.subject is not None and fact.subject != self.subject
        before = self.subject
        self.sequence, self.subject = fact.sequence, fact.subject
        self.at = max(self.at, fact.at)
        self._status(fact)
        newest = {line.key: line for line in lines}
        for line in newest.values():
            live = line.ended is None
            line.follow(book, self.at)
            self._apply(fact, line, other, before, lines, book)
            touched = [each for each in lines if each.key == line.key][-1]
            if back and (live or touched.ended is None):
                touched.went_back = True
        if self.status == "cancelled":
            return
        for key, terms in book.terms(fact.subject, self.at).items():
            due = fact.kind == terms.start or (other and terms.start in self.done)
            if key not in newest and due and not terms.stops & self.done:
                first = _Step(self.at, self._runs(terms), terms)
                lines.append(_Line(key, 1, [first], self.at, went_back=back))

    def _status(self, fact: Fact) -> None:
        match fact.kind:
            case "opened":
                self.status = "new"
            case "taken_up" | "resumed" | "reopened":
                self.status = "active"
            case "waiting" | "resolved" | "closed" | "cancelled":
                self.status = fact.kind
        if fact.kind in {"opened", "taken_up", "resumed", "reopened", "waiting", "resolved", "closed", "cancelled"}:
            self.reason = fact.reason if fact.kind == "waiting" else None
        if fact.kind == "reopened":
            self.done -= {"resolved", "closed"}
        self.done.add(fact.kind)
        if fact.kind in {"resolved", "closed"}:
            self.done.add("taken_up")

    def _runs(self, terms: Terms) -> bool:
        waits = self.status == "waiting" and self.reason in terms.target.pausing_reasons
        return not waits and self.status not in terms.target.pausing_states

    def _asked(self, line: _Line, book: Book) -> Terms | None:
        """The terms for the record as it is now, with the versions that a pinned clock keeps."""
        assert self.subject is not None
        held = line.terms.held
        if line.terms.target.on_new_version == "follow":
            return book.terms(self.subject, self.at).get(line.key)
        asked = book.terms(self.subject, self.at, (held.agreement, held.agreement_version)).get(line.key)
        if asked is None or asked.held.calendar != held.calendar:
            return asked
        return book.recall(asked.held._replace(calendar_version=held.calendar_version))

    def _apply(
        self, fact: Fact, line: _Line, other: bool, before: Subject | None, lines: list[_Line], book: Book
    ) -> None:
        target = line.terms.target
        if line.ended == "stopped":
            if fact.kind == "reopened" and line.terms.reopens:
                self._reopen(line, lines, book)
            return
        if line.ended == "cancelled":
            asked = self._asked(line, book) if other and line.ended_why == "retargeted" else None
            if asked is not None and not line.terms.stops & self.done:
                line.go_on()
                line.step(self.at, self._runs(asked), asked, anew=target.on_priority_change == "restart")
            return
        if fact.kind == "cancelled":
            line.end("cancelled", self.at)
            return
        if other and target.on_priority_change != "keep":
            asked = self._asked(line, book)
            if asked is None:
                line.end("cancelled", self.at, "retargeted")
                return
            if asked is not line.terms:
                line.step(self.at, self._runs(asked), asked, anew=target.on_priority_change == "restart")
        if fact.kind in line.terms.stops:
            line.end("stopped", self.at)
        elif self._runs(line.terms) != line.steps[-1].runs:
            line.step(self.at, self._runs(line.terms), line.terms)

    def _reopen(self, line: _Line, lines: list[_Line], book: Book) -> None:
        assert self.subject is not None
        target = line.terms.target
        if target.on_reopen == "restart":
            terms = book.terms(self.subject, self.at).get(line.key)
            if terms is not None:
                first = _Step(self.at, self._runs(terms), terms)
                lines.append(_Line(line.key, line.ordinal + 1, [first], self.at))
        elif target.on_reopen == "continue":
            line.go_on()
            line.step(self.at, self._runs(line.terms), line.terms)
            if target.on_new_version == "follow":
                line.since_terms = self.at
            asked: Terms | None = line.terms
            if target.on_priority_change != "keep":
                asked = self._asked(line, book)
            elif target.on_new_version == "follow":
                asked = book.after_new_version(line.terms, self.at)
            if asked is None:
                line.end("cancelled", self.at, "retargeted")
            elif asked is not line.terms:
                ours, theirs = line.terms.held, asked.held
                same = (ours.agreement, ours.priority) == (theirs.agreement, theirs.priority)
                anew = target.on_priority_change == "restart" and not same
                line.step(self.at, self._runs(asked), asked, anew=anew)
