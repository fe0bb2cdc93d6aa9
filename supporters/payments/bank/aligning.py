"""Which entries of a statement are known already, and which are new, though they look the same.

A bank gives its entries no name that holds across formats, and two entries may be alike in everything. What does
hold is the place in the account's history: the balance before an entry. Two entries of one day and amount with the
same balance before them are one; with another balance they are two, in whatever files they come. Where a bank sorts
one format differently from another, a whole day tells: the same balances before and after it hold the same entries.
Pure functions over plain rows; the import brings what is known.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

#: The family of a notification's numbers: it follows nothing.
NOTED = "notification"


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells entries that are alike apart, where both say it. References only compare within one format."""

    family: str  # "camt", "MT940"
    reference: str = ""
    end_to_end_id: str = ""
    iban: str = ""
    mandate: str = ""

    def contradicts(self, other: Marks) -> bool:
        pairs = [(self.end_to_end_id, other.end_to_end_id), (self.iban, other.iban), (self.mandate, other.mandate)]
        if self.family == other.family:
            pairs.append((self.reference, other.reference))
        return any(mine and theirs and mine != theirs for mine, theirs in pairs)


@dataclass(slots=True)
class Told:
    """An entry of the statement at hand."""

    place: int  # its index in the statement
    on: date
    amount: int
    before: int | None
    marks: Marks


@dataclass(slots=True)
class Known:
    """An entry that another statement told, at the place where that statement had it."""

    line_id: int
    statement_id: int  # 0 where only a notification told of it
    place: int
    on: date
    amount: int
    before: int | None
    marks: Marks


@dataclass(slots=True)
class Answer:
    """For each place in the statement the line it is; and those that may be one that is known, which a person says."""

    same: dict[int, int] = field(default_factory=dict)
    doubtful: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """What a statement says of itself: what it is called, its days, and its balances."""

    family: str
    number: str = ""
    ident: str = ""
    from_on: date | None = None
    to_on: date | None = None
    opening: int | None = None
    closing: int | None = None

    def is_again(self, other: Placed) -> bool:
        """The same statement, in another file."""
        return bool(self.ident) and (self.family, self.number, self.ident) == (other.family, other.number, other.ident)

    def has_all_of(self, day: date) -> bool:
        """Whether that day lies within it. On its first and last day it may begin or end halfway."""
        return self.from_on is not None and self.to_on is not None and self.from_on < day < self.to_on

    def follows(self, other: Placed) -> bool:
        """Whether it opens with what the other closed with, on that day or later."""
        return (
            self.opening is not None and self.opening == other.closing
            and self.from_on is not None and other.to_on is not None and other.to_on <= self.from_on
        )  # fmt: skip


def align(told: Sequence[Told], known: Iterable[Known], placed: Placed, statements: dict[int, Placed]) -> Answer:
    """``known`` holds every telling of the days that ``told`` has; ``statements`` are those that told them."""
    answer = Answer()
    if placed.family == NOTED:
        return _align_notification(told, known)
    by_statement: dict[int, list[Known]] = defaultdict(list)
    for each in known:
        by_statement[each.statement_id].append(each)
    noted = by_statement.pop(0, [])
    beside = {each: statements.get(each, Placed("")) for each in by_statement}
    for theirs in by_statement.values():
        theirs.sort(key=lambda each: each.place)
    # What another part of these days tells is in no other telling of this part either.
    parts = {each for each, theirs in by_statement.items() if _Pair(list(told), theirs, placed, beside[each]).are_two()}
    taken = {each.line_id for statement_id in parts for each in by_statement[statement_id]}
    for statement_id, theirs in sorted(by_statement.items()):
        pair = _Pair(
            [each for each in told if each.place not in answer.same],
            [each for each in theirs if statement_id in parts or each.line_id not in taken],
            placed,
            beside[statement_id],
        )
        pair.find()
        answer.same |= pair.same
        taken.update(pair.same.values())
        answer.doubtful |= pair.doubtful
    for key in (_by_reference, _by_ends, _by_day):  # what a notification told before, the statement says once more
        left = [each for each in told if each.place not in answer.same]
        pairs = _pairs(left, [each for each in noted if each.line_id not in taken], key)
        answer.same |= pairs
        taken.update(pairs.values())
    answer.doubtful = {place: line for place, line in answer.doubtful.items() if place not in answer.same}
    return answer


def _align_notification(told: Sequence[Told], known: Iterable[Known]) -> Answer:
    """A notification has no balances: what a statement or another one told of that day and amount is it."""
    answer = Answer()
    lines = {each.line_id: each for each in known}
    for key in (_by_reference, _by_ends, _by_day):
        left = [each for each in told if each.place not in answer.same]
        taken = set(answer.same.values())
        answer.same |= _pairs(left, [each for line_id, each in lines.items() if line_id not in taken], key)
    return answer


@dataclass(slots=True)
class _Pair:
    """The statement at hand beside one that was read before."""

    told: list[Told]
    known: list[Known]
    mine: Placed
    theirs: Placed
    same: dict[int, int] = field(default_factory=dict)
    doubtful: dict[int, int] = field(default_factory=dict)

    def are_two(self) -> bool:
        """A bank that tells a day in parts numbers them, and then nothing is in both."""
        marked = (_pairs(self.told, self.known, key) for key in (_by_reference, _by_ends))
        return self._are_numbered_apart() and not any(marked)

    def find(self) -> None:
        if not self.told or not self.known:
            return
        placed = _pairs(self.told, self.known, _by_balance)
        if not placed and self._follow_each_other():
            return
        for key in (_by_reference, _by_ends):
            self._take(_pairs(self._left(), self._rest(), key))
        if placed and not self.same and not self._are_one():
            # It looks as if something is in both, which may be as the same balance came twice in a day.
            numbered = self._are_numbered_apart()
            if numbered or self._follow_each_other():
                self.doubtful = placed if not numbered or self._begin_alike() else {}
                return
        self._take(_pairs(self._left(), self._rest(), _by_balance))
        if self.mine.is_again(self.theirs):
            self._take(_pairs(self._left(), self._rest(), _by_day))
        self._take(self._whole_days())
        if not placed and not self._are_apart():
            self.doubtful = _pairs(self._left(), self._rest(), _by_day)

    def _follow_each_other(self) -> bool:
        """One opens with what the other closed with, so nothing is in both."""
        return self.mine.follows(self.theirs) or self.theirs.follows(self.mine)

    def _are_numbered_apart(self) -> bool:
        """By their numbers one is over when the other begins."""
        mine, theirs = _number(self.mine.number), _number(self.theirs.number)
        if mine is None or theirs is None or mine == theirs:
            return False
        later, earlier = (self.mine, self.theirs) if mine > theirs else (self.theirs, self.mine)
        return earlier.to_on is not None and later.from_on is not None and earlier.to_on <= later.from_on

    def _begin_alike(self) -> bool:
        """The day that they share begins at the same balance in both, as where somebody had a file made from that day:
        nothing decides then.
        """
        later, earlier = (self.mine, self.theirs), (self.theirs, self.mine)
        if any(one.follows(other) for one, other in (later, earlier)) and self._are_next():
            return False
        shared = {each.on for each in self.told} & {each.on for each in self.known}
        ours = next((each.before for each in self.told if each.on in shared), None)
        return ours == next((each.before for each in self.known if each.on in shared), None)

    def _are_one(self) -> bool:
        """The same statement, or the same number of it in another format."""
        number = _number(self.mine.number)
        return self.mine.is_again(self.theirs) or (number is not None and number == _number(self.theirs.number))

    def _are_next(self) -> bool:
        mine, theirs = _number(self.mine.number), _number(self.theirs.number)
        return mine is not None and theirs is not None and mine - theirs in (1, -1)

    def _whole_days(self) -> dict[int, int]:
        """A day that begins and ends at the same balance in both, with as many entries, is one, in whatever order; and
        of a day that one of them has whole, the other has nothing else.
        """
        found: dict[int, int] = {}
        ours_by_day: dict[date, list[Told]] = defaultdict(list)
        theirs_by_day: dict[date, list[Known]] = defaultdict(list)
        for each in self.told:
            ours_by_day[each.on].append(each)
        for other in self.known:
            theirs_by_day[other.on].append(other)
        taken = set(self.same.values())
        for day, ours in ours_by_day.items():
            theirs = theirs_by_day.get(day)
            if not theirs or any(each.before is None for each in (ours[0], ours[-1], theirs[0], theirs[-1])):
                continue
            alike = ours[0].before == theirs[0].before and _after(ours[-1]) == _after(theirs[-1])
            if (alike and len(ours) == len(theirs)) or self.mine.has_all_of(day) or self.theirs.has_all_of(day):
                left = [each for each in ours if each.place not in self.same]
                found |= _pairs(left, [each for each in theirs if each.line_id not in taken], _by_day)
        return found

    def _are_apart(self) -> bool:
        """Both know their places, and these differ."""
        return all(each.before is not None for each in (self.told[0], self.known[0]))

    def _take(self, pairs: dict[int, int]) -> None:
        self.same |= pairs

    def _left(self) -> list[Told]:
        return [each for each in self.told if each.place not in self.same]

    def _rest(self) -> list[Known]:
        taken = set(self.same.values())
        return [each for each in self.known if each.line_id not in taken]


_Key = Callable[[Told | Known], Hashable]


def _by_reference(each: Told | Known) -> Hashable:
    """The bank's own reference: within one format it can only be the same."""
    marks = each.marks
    return (each.on, each.amount, marks.family, marks.reference) if marks.reference else None


def _by_ends(each: Told | Known) -> Hashable:
    """An end-to-end id of that account."""
    marks = each.marks
    return (each.on, each.amount, marks.end_to_end_id, marks.iban) if marks.end_to_end_id and marks.iban else None


def _by_balance(each: Told | Known) -> Hashable:
    return (each.on, each.amount, each.before) if each.before is not None else None


def _by_day(each: Told | Known) -> Hashable:
    return each.on, each.amount


def _pairs(told: Iterable[Told], known: Iterable[Known], key: _Key) -> dict[int, int]:
    """Each told with the first known of the same key that nothing contradicts: place → line."""
    waiting: dict[Hashable, deque[Known]] = defaultdict(deque)
    for theirs in known:
        if (found := key(theirs)) is not None:
            waiting[found].append(theirs)
    pairs: dict[int, int] = {}
    for ours in told:
        candidates = waiting.get(key(ours)) if key(ours) is not None else None
        for _ in range(len(candidates or ())):
            assert candidates is not None
            theirs = candidates.popleft()
            if not ours.marks.contradicts(theirs.marks):
                pairs[ours.place] = theirs.line_id
                break
            candidates.append(theirs)
    return pairs


def _after(each: Told | Known) -> int | None:
    return None if each.before is None else each.before + each.amount


def _number(running: str) -> int | None:
    """Of "85" or "19321/1"; None where a file has none, as one that was made for a period."""
    digits = running.split("/")[0]
    return int(digits) or None if digits.isdecimal() else None
