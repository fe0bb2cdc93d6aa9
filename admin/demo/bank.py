"""What the demo's bank tells: a statement of the first days of the year, and the next one for a visitor to read in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from xml.sax.saxutils import escape

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.demo.plan import NOW, SEED, TODAY
from admin.demo.runs import ANNA
from supporters.giving.gift import Gift
from supporters.giving.mandate import Mandate
from supporters.payments.bank.intake import take_in
from supporters.payments.bank.our_account import OurAccount
from supporters.payments.payment import Payment
from supporters.payments.sepa.account import CreditorAccount
from supporters.people.bank_account import BankAccount
from supporters.people.supporter import Supporter

OPENING = 1_184_250_75
SAVINGS = "NL20INGB0001234567"
#: Why the debits of December came back in the night.
RETURNS = ("AM04", "AM04", "MD06", "AC04", "MD07")
#: What people wrote who are no supporters yet; the last wrote nothing that says who it is.
STRANGERS = (
    ("Mw. T. Aalderink", "NL86INGB0002445588", 50_00, "Gift i.p.v. kerstkaarten"),
    ("J.P. Wiersma e/o M. Wiersma-Tol", "NL02ABNA0123456789", 25_00, "Actie De Grenzen Open"),
    ("Erven W. Kooistra", "NL36INGB0003445588", 2_500_00, "Nalatenschap dossier 2021/118, notariskantoor Rijnmond"),
    ("C. Post", "", 15_00, ""),
)
#: What the bank and others want of us: no gifts.
COSTS = (("", -38_40, "Kosten betalingsverkeer december"), ("Stichting Mollie Payments", 412_35, "Uitbetaling 2021-53"))


@dataclass(frozen=True, slots=True)
class _Line:
    on: date
    amount: int
    name: str = ""
    iban: str = ""
    text: str = ""
    end_to_end_id: str = ""
    mandate: str = ""
    reason: str = ""


def receive(session: Session) -> None:
    """Read the statement of 1 to 3 January; what is on it waits to be looked at and booked."""
    OurAccount.add(session, SAVINGS, "Spaarrekening", by=ANNA, now=NOW - timedelta(days=30))
    lines = sorted(_first(session), key=lambda line: line.on)
    content = _camt053(session, lines, number=1, opening=OPENING)
    take_in(session, io.BytesIO(content), "afschrift-2022-001.xml", by=ANNA, now=NOW, today=TODAY)


def next_statement(session: Session) -> tuple[str, bytes]:
    """Its name and content: a statement that nobody read yet, for a visitor to try."""
    given = list(_givers(session, Random(f"{SEED}:bank:2"), 6, TODAY))
    before = OPENING + sum(line.amount for line in _first(session))
    return "afschrift-2022-002.xml", _camt053(session, given, number=2, opening=before)


def _first(session: Session) -> list[_Line]:
    rng = Random(f"{SEED}:bank")
    days = [date(2022, 1, 1), date(2022, 1, 2)]
    lines = [*_givers(session, rng, 14, days[1]), *_returned(session)]
    lines += [_Line(days[0], amount, name, iban, text) for name, iban, amount, text in STRANGERS]
    lines += [_Line(TODAY, amount, name, "", text) for name, amount, text in COSTS]
    lines.append(_Line(TODAY, -25_000_00, "Stichting Achterban Demo", SAVINGS, "Naar spaarrekening"))
    return lines


def _givers(session: Session, rng: Random, count: int, on: date) -> Iterator[_Line]:
    """Supporters who gave by transfer: most under their own name, some from an account of somebody else's name."""
    rows = session.execute(
        select(Supporter, BankAccount.iban)
        .join(BankAccount, BankAccount.supporter_id == Supporter.id)
        .where(
            Supporter.kind == "person", Supporter.death_reported_at.is_(None),
            Supporter.id % 7 == rng.randrange(7),
            select(func.count()).select_from(Gift).where(Gift.supporter_id == Supporter.id).scalar_subquery() > 0,
        )
        .order_by(Supporter.id)
        .limit(count)
    ).all()  # fmt: skip
    for number, (supporter, iban) in enumerate(rows):
        name, text = supporter.name, "Gift"
        if number % 6 == 4:
            name, text = "Hr. en mw. de Groot", "Van ons allebei"
        if number % 6 == 5:
            iban, text = "", f"Donateur {supporter.number}"
        yield _Line(on, rng.choice((10_00, 25_00, 35_00, 50_00, 100_00)), name, iban, text)


def _returned(session: Session) -> Iterator[_Line]:
    rows = session.execute(
        select(Payment.reference, Payment.amount, Payment.iban, Mandate.reference, Supporter.surname)
        .join(Mandate, Mandate.id == Payment.mandate_id)
        .join(Supporter, Supporter.id == Payment.supporter_id)
        .where(Payment.state == "booked", Payment.collect_on >= date(2021, 12, 1), Payment.batch_id.is_not(None))
        .order_by(Payment.id)
        .limit(len(RETURNS) * 7)
    ).all()[::7]
    for (reference, amount, iban, mandate, surname), reason in zip(rows, RETURNS, strict=False):
        yield _Line(TODAY, -amount, surname, iban or "", "Terugboeking incasso", reference, mandate, reason)


def _camt053(session: Session, lines: list[_Line], *, number: int, opening: int) -> bytes:
    account = CreditorAccount.only(session)
    closing = opening + sum(line.amount for line in lines)
    first = min((line.on for line in lines), default=TODAY)
    last = max((line.on for line in lines), default=TODAY)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>DEMO{number}</MsgId><CreDtTm>{NOW:%Y-%m-%dT%H:%M:%S}</CreDtTm></GrpHdr><Stmt>"
        f"<Id>DEMO-2022-{number:03d}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>"
        f"<CreDtTm>{NOW:%Y-%m-%dT%H:%M:%S}</CreDtTm><Acct><Id><IBAN>{account.iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{_balance('OPBD', opening, first)}{_balance('CLBD', closing, last)}"
        f"{''.join(_entry(line) for line in lines)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _amount(cents: int) -> str:
    return (
        f'<Amt Ccy="EUR">{abs(cents) // 100}.{abs(cents) % 100:02d}</Amt>'
        f"<CdtDbtInd>{'CRDT' if cents >= 0 else 'DBIT'}</CdtDbtInd>"
    )


def _balance(code: str, cents: int, on: date) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(cents)}<Dt><Dt>{on}</Dt></Dt></Bal>"


def _entry(line: _Line) -> str:
    family = ("IDDT", "UPDD") if line.reason else ("RCDT", "ESCT") if line.amount > 0 else ("ICDT", "ESCT")
    if line.amount < 0 and not line.name:
        family = ("MDOP", "CHRG")
    other = "Dbtr" if line.amount > 0 or line.reason else "Cdtr"
    mandate = f"<MndtId>{line.mandate}</MndtId>" if line.mandate else ""
    account = f"<{other}Acct><Id><IBAN>{line.iban}</IBAN></Id></{other}Acct>" if line.iban else ""
    parties = f"<RltdPties><{other}><Pty><Nm>{escape(line.name)}</Nm></Pty></{other}>{account}</RltdPties>"
    return (
        f"<Ntry>{_amount(line.amount)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{line.on}</Dt></BookgDt>"
        f"<ValDt><Dt>{line.on}</Dt></ValDt><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family[0]}</Cd>"
        f"<SubFmlyCd>{family[1]}</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs>"
        f"<EndToEndId>{line.end_to_end_id or 'NOTPROVIDED'}</EndToEndId>{mandate}</Refs>{_amount(line.amount)}"
        f"{parties if line.name else ''}"
        + (f"<RmtInf><Ustrd>{escape(line.text)}</Ustrd></RmtInf>" if line.text else "")
        + (f"<RtrInf><Rsn><Cd>{line.reason}</Cd></Rsn></RtrInf>" if line.reason else "")
        + "</TxDtls></NtryDtls></Ntry>"
    )
