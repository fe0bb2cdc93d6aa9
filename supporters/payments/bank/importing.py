"""A bank's file on its way in: read in one pass, checked against its balances, and each of its lines kept once.

All of a file or nothing: the caller's transaction holds it, and an error leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import IO

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters import audit
from supporters.actor import Actor
from supporters.db import violates
from supporters.documents import Document, digest_of
from supporters.errors import BadInput, Refused
from supporters.money import Money
from supporters.payments.bank import contradicting, reading
from supporters.payments.bank.file import BankFile
from supporters.payments.bank.keeping import Keeper
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.bank.statement import BankStatement
from supporters.payments.bank.told import BadBankFile, Balance, Head, Line, Tail
from supporters.payments.returns import statuses

#: Lines that are written at a time.
BLOCK = 5_000


class DoesNotAddUp(Refused):
    """Opening balance and entries are not the closing balance. A person with the right may accept it, with a reason."""

    code = "does_not_add_up"

    def __init__(self, statement: str, opening: Money, entered: Money, closing: Money, place: str) -> None:
        self.difference = opening + entered - closing
        super().__init__(
            "Statement %(statement)s (%(place)s) does not add up: it opens with %(opening)s, its entries come to"
            " %(entered)s, and it closes with %(closing)s: a difference of %(difference)s. Ask the bank for a complete"
            " file; or accept it, with the reason.",
            field="file", statement=statement, place=place, opening=str(opening), entered=str(entered),
            closing=str(closing), difference=str(self.difference),
        )  # fmt: skip


@dataclass(slots=True)
class Read:
    """What one statement of a file brought."""

    ident: str
    account: str
    account_id: int
    kind: str
    currency: str
    opening: Balance | None = None
    closing: Balance | None = None
    entries: int = 0
    entered: int = 0
    new: int = 0
    known: int = 0
    doubtful: int = 0
    difference: int | None = None  # minor units that were accepted as missing or too much


@dataclass(slots=True)
class Outcome:
    """What a file brought. ``known_since`` is set where the very same file came in before: then nothing was done."""

    filename: str
    format: str = ""
    file_id: int | None = None
    known_since: datetime | None = None
    statements: list[Read] = field(default_factory=list)
    line_ids: list[int] = field(default_factory=list)  # of the lines that are new or learnt more
    statuses: statuses.Outcome | None = None  # what became of the debits that a pain.002 tells of

    @property
    def new(self) -> int:
        return sum(each.new for each in self.statements)

    @property
    def known(self) -> int:
        return sum(each.known for each in self.statements)


def import_statements(
    session: Session,
    stream: IO[bytes],
    filename: str,
    *,
    by: Actor,
    now: datetime,
    accept: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Read statements (camt.053, camt.054, MT940) and keep their lines.

    ``accept`` is the reason of a person who takes a statement that does not add up. Raises BadBankFile with the place,
    DoesNotAddUp with the figures, Refused for an account that is not ours; then nothing of the file is kept.
    """
    outcome = Outcome(filename)
    with session.begin_nested():
        file = begin(session, stream, filename, outcome, by=by, now=now)
        if file is not None:
            _read(session, file, stream, outcome, by=by, now=now, accept=accept, progress=progress)
    return outcome


def begin(
    session: Session, stream: IO[bytes], filename: str, outcome: Outcome, *, by: Actor, now: datetime
) -> BankFile | None:
    """Keep the file itself; None where it is known, and ``outcome`` says since when."""
    digest = digest_of(stream)
    if _is_known(session, digest, outcome):
        return None
    sniffed = reading.sniff(stream)
    outcome.format = sniffed.format
    file = BankFile(
        sha256=digest, filename=filename[:255], format=sniffed.format[:40], imported_at=now, imported_by=by.key
    )
    stream.seek(0)
    try:
        with session.begin_nested():
            file.document_id = Document.store(
                session, iter(lambda: stream.read(1 << 20), b""), kind="bank_file", filename=filename[:255],
                media_type="text/plain" if sniffed.family == "MT940" else "application/xml", by=by, now=now,
            ).id  # fmt: skip
            session.add(file)
    except IntegrityError as error:
        # Somebody else read the very same file at the same moment.
        if not violates(error, "uq_supporters_bank_file_sha256") or not _is_known(session, digest, outcome):
            raise
        return None
    stream.seek(0)
    outcome.file_id = file.id
    return file


def _is_known(session: Session, digest: str, outcome: Outcome) -> bool:
    known = session.scalar(select(BankFile).where(BankFile.sha256 == digest))
    if known is not None:
        outcome.known_since, outcome.file_id, outcome.format = known.imported_at, known.id, known.format
    return known is not None


def _read(
    session: Session, file: BankFile, stream: IO[bytes], outcome: Outcome, *, by: Actor, now: datetime,
    accept: str | None,
    progress: Callable[[int], None] | None,
) -> None:  # fmt: skip
    statement: _Statement | None = None
    for told in reading.read_statements(stream):
        if isinstance(told, Head):
            statement = _Statement(session, file, told, len(outcome.statements) + 1, by=by, now=now)
        elif statement is None:  # A reader begins with a head.
            raise BadBankFile("Something comes before the first statement.", place=outcome.format)
        elif isinstance(told, Line):
            statement.take(told)
        else:
            outcome.statements.append(statement.end(told, accept))
            outcome.line_ids += statement.keeper.line_ids
            statement = None
        if progress is not None:
            progress(stream.tell())
    if statement is not None:
        raise BadBankFile("The file ends in the middle of a statement.", place=statement.head.place)
    if not outcome.statements:
        raise BadBankFile("There is no statement in this file.", place=outcome.format)
    file.new, file.known = outcome.new, outcome.known
    audit.record(
        session, by, "import", file, now=now, new=outcome.new, known=outcome.known, accepted=accept or "",
    )  # fmt: skip
    session.flush()


class _Statement:
    """One statement while it is read."""

    def __init__(self, session: Session, file: BankFile, head: Head, position: int, *, by: Actor, now: datetime):
        self.session, self.head, self.by, self.now = session, head, by, now
        self.account = _our_account(session, head, now=now)
        self.row = BankStatement(
            file_id=file.id, position=position, account_id=self.account.id,
            kind="statement" if head.kind == "statement" else "notification", ident=head.ident[:255],
            number=head.number[:40], currency=head.currency or self.account.currency, accept_reason="",
        )  # fmt: skip
        if head.opening is not None and head.kind == "statement":
            self.row.opening, self.row.opening_on = head.opening.amount, head.opening.on
        session.add(self.row)
        session.flush()
        self.keeper = Keeper(session, self.account, self.row, head, now=now)
        self.block: list[Line] = []
        self.days: Counter[date] = Counter()
        self.last: object = None

    def take(self, line: Line) -> None:
        entry = line.entry
        if entry.currency != self.row.currency:
            raise BadBankFile(
                "This entry is in %(currency)s, on an account in %(ours)s.", place=entry.place,
                currency=entry.currency, ours=self.row.currency,
            )  # fmt: skip
        if entry is not self.last:
            if len(self.block) >= BLOCK:
                self.keeper.keep(self.block)
                self.block = []
            self.last = entry
            self.row.entries += 1
            self.row.entered += entry.amount
            self.row.from_on = min(filter(None, (self.row.from_on, entry.booked_on)))
            self.row.to_on = max(filter(None, (self.row.to_on, entry.booked_on)))
        elif len(self.block) >= 4 * BLOCK:  # an entry of very many transactions
            self.keeper.keep(self.block)
            self.block = []
        self.block.append(line)

    def end(self, tail: Tail, accept: str | None) -> Read:
        closing = tail.closing or self.head.closing
        if closing is not None and self.row.kind == "statement":
            self.row.closing, self.row.closing_on = closing.amount, closing.on
        self._check(tail, accept)
        self.row.from_on = self.row.from_on or self.head.from_on or self.row.opening_on
        self.row.to_on = self.row.to_on or self.head.to_on or self.row.closing_on
        self.session.flush()
        self.keeper.keep(self.block)
        self.keeper.finish(closing)
        self.row.known = self.keeper.known
        self.session.flush()
        if self.row.kind == "statement":
            contradicting.ask(self.session, self.row, by=self.by, now=self.now)
        difference = self.row.difference
        return Read(
            ident=self.row.ident or self.row.number, account=self.account.number, account_id=self.account.id,
            kind=self.row.kind, currency=self.row.currency, opening=self.head.opening, closing=closing,
            entries=self.row.entries, entered=self.row.entered, new=self.keeper.new, known=self.keeper.known,
            doubtful=self.keeper.doubtful, difference=difference.amount if difference else None,
        )  # fmt: skip

    def _check(self, tail: Tail, accept: str | None) -> None:
        """The bank's own sums: its balances, and how many entries it says there are."""
        row = self.row
        if row.kind == "statement" and (difference := row.difference) is not None:
            if accept is None:
                raise DoesNotAddUp(
                    row.ident or row.number, Money(row.opening or 0, row.currency), Money(row.entered, row.currency),
                    Money(row.closing or 0, row.currency), self.head.place,
                )  # fmt: skip
            reason = accept.strip()
            if not reason:
                raise BadInput("Say why this statement is accepted though it does not add up.", field="reason")
            self.by.must_be_signed_in()
            row.accepted_at, row.accepted_by, row.accept_reason = self.now, self.by.key, reason[:500]
            audit.record(
                self.session, self.by, "accept", row, now=self.now, difference=str(difference), reason=reason[:500]
            )


def _our_account(session: Session, head: Head, *, now: datetime) -> OurAccount:
    account = OurAccount.named(session, head.account, now=now)
    if account is None:
        raise Refused(
            "%(place)s is of account %(number)s, which is not one of ours: add it first if it is.",
            field="file", place=head.place, number=head.account[:40] or "?",
        )  # fmt: skip
    if head.currency and head.currency != account.currency:
        raise Refused(
            "%(place)s is in %(theirs)s, and our account %(number)s is in %(ours)s.", field="file", place=head.place,
            theirs=head.currency, number=account.number, ours=account.currency,
        )  # fmt: skip
    # One file of an account at a time: who comes second sees what the first brought.
    session.execute(select(OurAccount.id).where(OurAccount.id == account.id).with_for_update())
    return account
