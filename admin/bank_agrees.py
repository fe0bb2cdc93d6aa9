"""Whether the bank and the books agree, in one line: what `achterban check` finds about the bank, at most so old."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import islice

from flask import url_for
from sqlalchemy import func, select

from admin import clock
from admin.blueprint import NAME
from admin.data import session
from admin.i18n import gettext as _
from admin.kit.remembered import forget, remembered
from admin.labels import label
from supporters import Money, registry
from supporters.payments.bank.statement import BankStatement
from supporters.registry import Finding

#: The check reads every line: it is run once in a while, and when somebody asks.
SECONDS = 600.0
AT_MOST = 200


@dataclass(frozen=True)
class Case:
    """A difference as a reader sees it: what it is about (with where that is), what is wrong, what to do."""

    title: str
    href: str | None
    wrong: str
    advice: str
    amount: Money | None
    since: date | None

    @classmethod
    def of(cls, finding: Finding) -> Case:
        wrong, advice = label("bank_rule", finding.rule), label("bank_advice", finding.rule)
        title, href = _about(finding.subject)
        return cls(
            title, href, finding.message if wrong == finding.rule else wrong,
            finding.advice if advice == finding.rule else advice, finding.amount, finding.since,
        )  # fmt: skip


def _about(subject: str) -> tuple[str, str | None]:
    """The subject of a finding in the reader's words, and its page."""
    if found := re.fullmatch(r"bank line (\d+)", subject):
        return _("Line L%(number)s", number=f"{int(found[1]):06d}"), url_for(f"{NAME}.bank_line", line_id=found[1])
    if found := re.fullmatch(r"gift (\d+)", subject):
        return _("Gift %(number)s", number=found[1]), url_for(f"{NAME}.gift_page", gift_id=found[1])
    if found := re.fullmatch(r"collection B0*(\d+)", subject):
        return _("Collection B%(number)s", number=f"{int(found[1]):05d}"), url_for(
            f"{NAME}.run_page", batch_id=found[1]
        )
    if found := re.fullmatch(r"statement (.*) of (\S+)", subject):
        return _("Statement %(statement)s of %(account)s", statement=found[1], account=found[2]), None
    return subject, None


@dataclass(frozen=True)
class Agreement:
    """``cases`` are what does not agree; at most so many are looked for. Without a statement nothing can.

    ``accepted`` counts the statements that somebody took though they did not add up: that stays to be seen.
    """

    cases: tuple[Finding, ...]
    has_statements: bool
    accepted: int

    @property
    def is_good(self) -> bool:
        return not self.cases

    @property
    def is_capped(self) -> bool:
        return len(self.cases) == AT_MOST


def agreement(*, anew: bool = False) -> Agreement:
    if anew:
        forget("bank agrees")
    return remembered("bank agrees", _look, seconds=SECONDS)


def _look() -> Agreement:
    look = registry.checks["bank"]
    return Agreement(
        tuple(islice(look(session(), now=clock.now()), AT_MOST)),
        session().scalar(select(BankStatement.id).limit(1)) is not None,
        session().scalar(select(func.count()).where(BankStatement.accepted_by.is_not(None))) or 0,
    )


def forget_bank() -> None:
    """After news of the bank this process looks anew at what it remembered of it."""
    for key in ("bank agrees", "bank lines to answer", "bank lines to book"):
        forget(key)
