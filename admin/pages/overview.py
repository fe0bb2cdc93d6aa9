"""Overview: what waits for somebody, and how the year goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import and_, func, or_, select

from admin import clock
from admin.access import may, needs
from admin.bank_agrees import agreement
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import month
from admin.kit.charts import Chart, Series
from admin.kit.remembered import remembered
from admin.pages.gateways import healths
from admin.pages.gifts import to_thank
from admin.pages.online_payments import NEEDS_A_LOOK
from admin.pages.runs import waiting_to_be_announced
from supporters import (
    CollectionBatch,
    Commitment,
    CreditorAccount,
    Gift,
    Mandate,
    OnlinePayment,
    Refund,
    Returned,
    Task,
)  # fmt: skip
from supporters.giving.mandate import LAPSE_MONTHS
from supporters.giving.months import add_months
from supporters.payments.bank.line import BankLine
from supporters.payments.online.failing import failing
from supporters.reports.year import MonthlyIncome, YearReport, monthly_income

#: A mandate is shown so many months before it lapses.
LAPSES_WITHIN = 3
#: Gifts older than this are no longer shown as still to be thanked for.
THANK_WITHIN_DAYS = 60
COUNT_UP_TO = 1000
#: So long a new year is too young for its own figures.
YOUNG_MONTHS = 2


@dataclass(frozen=True)
class ToDo:
    count: int
    text: str
    href: str

    @property
    def shown(self) -> str:
        return f"{COUNT_UP_TO}+" if self.count > COUNT_UP_TO else str(self.count)


@bp.get("/")
@needs("overview.see")
def overview() -> ResponseReturnValue:
    today = clock.today()
    year = year_to_look_at(today)
    return render_template(
        "achterban/overview.html",
        todos=todos(today),
        figures=remembered(f"figures {year}", lambda: YearReport.of(session(), year).figures),
        year=year,
        agreement=agreement() if may("money.see") else None,
        chart=income_chart(year, remembered(f"months {year}", lambda: monthly_income(session(), year))),
    )


def year_to_look_at(today: date) -> int:
    """A year that has just begun says nothing yet; in its first months people look at the one before."""
    return today.year if today.month > YOUNG_MONTHS else today.year - 1


def todos(today: date) -> list[ToDo]:
    """What waits, most pressing first; only what this role can do something about."""
    found = []
    if may("money.see"):
        for state, text in (
            ("prepared", _("Collections that wait for approval")),
            ("approved", _("Approved collections to send to the bank")),
        ):
            href = url_for(f"{NAME}.runs", state=state)
            found.append(ToDo(_count(select(CollectionBatch.id).where(CollectionBatch.state == state)), text, href))
        due = select(CollectionBatch.id).where(CollectionBatch.state == "exported", CollectionBatch.collect_on <= today)
        found.append(ToDo(_count(due), _("Collections to book"), url_for(f"{NAME}.runs", state="exported")))
        href = url_for(f"{NAME}.online_payments", look="any")
        lost = select(OnlinePayment.id).where(NEEDS_A_LOOK)
        count = remembered("payments to look at", lambda: _count(lost))
        found.append(ToDo(count, _("Online payments that need a look"), href))
        waiting = select(Refund.id).where(Refund.state == "waiting")
        found.append(ToDo(_count(waiting), _("Refunds that wait for a second person"), url_for(f"{NAME}.refunds")))
        waits = BankLine.state.in_(("proposed", "unknown"))
        answers = remembered("bank lines to answer", lambda: _count(select(BankLine.id).where(waits)))
        bank = url_for(f"{NAME}.bank_queue") if may("bank.work") else url_for(f"{NAME}.bank_lines", state="open")
        found.append(ToDo(answers, _("Lines of the bank to answer"), bank))
        matched = remembered(
            "bank lines to book", lambda: _count(select(BankLine.id).where(BankLine.state == "matched"))
        )
        found.append(ToDo(matched, _("Lines of the bank to book"), url_for(f"{NAME}.bank")))
        alarms = remembered("gateway alarms", lambda: sum(bool(each.alarms) for each in healths()))
        found.append(ToDo(alarms, _("Payment gateways with an alarm"), url_for(f"{NAME}.gateways")))
    if may("tasks.see"):
        waits = select(Task.id).where(
            Task.done_at.is_(None), or_(Task.not_before_on.is_(None), Task.not_before_on <= today)
        )
        found.append(ToDo(_count(waits), _("Open tasks"), url_for(f"{NAME}.tasks")))
    if may("gifts.see"):
        since = today - timedelta(days=THANK_WITHIN_DAYS)
        unthanked = select(Gift.id).where(Gift.received_on >= since, *to_thank())
        href = url_for(f"{NAME}.gifts", thank="todo", **{"from": since.isoformat()})
        found.append(ToDo(_count(unthanked), _("Gifts still to thank for"), href))
    if may("money.run"):
        untold = sum(
            waiting_to_be_announced(account)
            for account in session().scalars(select(CreditorAccount).where(CreditorAccount.is_active))
        )
        found.append(ToDo(untold, _("Commitments whose amount was not announced"), url_for(f"{NAME}.run_announce")))
    if may("money.see"):
        back = select(Returned.id).where(Returned.acted_at.is_(None))
        found.append(ToDo(_count(back), _("Debits that came back"), url_for(f"{NAME}.returns")))
    if may("commitments.see"):
        trouble = failing(today).with_only_columns(Commitment.id)
        count = remembered("failing commitments", lambda: _count(trouble))
        found.append(ToDo(count, _("Commitments of which a charge failed"), url_for(f"{NAME}.failing")))
        href = url_for(f"{NAME}.commitments", mandate="lapsing")
        found.append(ToDo(_count(lapsing(today)), _("Mandates that lapse within three months"), href))
    return found


def lapsing(today: date) -> Any:
    """Going commitments whose mandate was not used for so long that it soon lapses."""
    before = add_months(today, LAPSES_WITHIN - LAPSE_MONTHS)
    return (
        select(Commitment.id)
        .join(Mandate, Mandate.id == Commitment.mandate_id)
        .where(
            and_(Commitment.ended_on.is_(None), Mandate.cancelled_on.is_(None)),
            func.coalesce(Mandate.last_used_on, Mandate.signed_on) <= before,
        )
    )


def income_chart(year: int, months: list[MonthlyIncome]) -> Chart:
    """Month by month what came in, this year beside the last."""
    labels = [month(date(year, number, 1)) for number in range(1, 13)]
    totals = [line.total_cents for line in months]
    last, this = Series(str(year - 1), totals[:12]), Series(str(year), totals[12:])
    return Chart(_("Income by month"), labels, (this, last), of=_("Month"), id="income")


def _count(query: Any) -> int:
    return int(session().scalar(select(func.count()).select_from(query.limit(COUNT_UP_TO + 1).subquery())) or 0)
