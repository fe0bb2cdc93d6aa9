"""What came back: grouped by reason with what is proposed, the list behind it, and one return with its whole story."""

from __future__ import annotations

from datetime import date
from textwrap import shorten

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from admin import clock
from admin.access import needs
from admin.audit_lines import describe
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.lists import Column, Filter, listing
from admin.labels import badge, choices, label
from admin.pages.commitments import to_commitment
from admin.pages.people import to_supporter
from supporters import AuditEntry, Instalment, Payment, Returned
from supporters.payments.returns import proposing
from supporters.payments.returns.acting import FOLLOWED
from supporters.payments.returns.reasons import ACTIONS, reason_of

#: Lines of the audit trail shown with one return.
TRACE = 20


def meaning(code: str, on: date | None = None) -> str:
    """What a reason means, in the reader's language."""
    return _(reason_of(code, on).meaning)


def reason_choices() -> list[tuple[str, str]]:
    """The reasons that there are; a filter has no empty value, so no reason at all goes by a dash."""
    codes = sorted(session().scalars(select(Returned.reason).distinct()))
    return [(code or "-", f"{code or '–'} · {shorten(meaning(code), 48, placeholder=' …')}") for code in codes]


def to_return(key: int) -> str:
    return url_for(f"{NAME}.return_page", returned_id=key)


RETURNS = listing(
    endpoint="returns_list",
    title=lazy("Debits that came back"),
    query=lambda: proposing.told(clock.today()),
    key=Returned.id,
    permission="money.see",
    default_sort="told",
    amount=Returned.amount,
    empty=lazy("Nothing came back that fits this."),
    options=(contains_eager(Returned.payment), contains_eager(Returned.supporter)),
    columns=(
        Column("name", lazy("Supporter"), lambda r: r[2].name, link=lambda r: to_supporter(r[2].id)),
        Column("amount", lazy("Amount"), lambda r: r[0].money, "money"),
        Column(
            "told", lazy("Told on"), lambda r: r[0].told_on, "date", link=lambda r: to_return(r[0].id),
            sort=Returned.told_on, descending=True,
        ),
        Column("reason", lazy("Reason"), lambda r: r[0].reason or "–"),
        Column("meaning", lazy("What it means"), lambda r: meaning(r[0].reason, r[0].told_on)),
        Column("who", lazy("Who"), lambda r: badge("return_who", r[0].why.who), "badge", on_screen=False),
        Column("stage", lazy("What happened"), lambda r: label("return_stage", r[0].stage), on_screen=False),
        Column("said", lazy("The bank's words"), lambda r: r[0].told, on_screen=False),
        Column(
            "commitment", lazy("Commitment"), lambda r: r[3].number if r[3] is not None else "",
            link=lambda r: to_commitment(r[3].id) if r[3] is not None else "",
        ),
        Column("collected", lazy("Collected on"), lambda r: r[1].collect_on, "date", on_screen=False),
        Column("reference", lazy("Reference"), lambda r: r[1].reference, on_screen=False),
        Column(
            "action", lazy("What is done"),
            lambda r: label("return_action", r[0].action) if r[0].acted_at
            else _("Proposed: %(action)s", action=label("return_action", r[5])),
        ),
        Column("outcome", lazy("Note"), lambda r: r[0].outcome, on_screen=False),
    ),
    filters=(
        Filter(
            "state", lazy("State"),
            lambda q, v: q if v == "all" else q.where(
                Returned.acted_at.is_(None) if v == "waiting" else Returned.acted_at.is_not(None)
            ),
            choices=lambda: [("all", _("All")), ("waiting", _("Waits")), ("done", _("Something was done"))],
            default="waiting",
        ),
        Filter(
            "reason", lazy("Reason"), lambda q, v: q.where(Returned.reason == ("" if v == "-" else v)),
            choices=reason_choices,
        ),
        Filter(
            "proposed", lazy("Proposed"),
            lambda q, v: q.where(proposing.proposal(clock.today()) == v, Returned.acted_at.is_(None)),
            choices=lambda: choices("return_action", ACTIONS),
        ),
        Filter("from", lazy("From"), lambda q, v: q.where(Returned.told_on >= v), "date"),
        Filter("until", lazy("Until"), lambda q, v: q.where(Returned.told_on <= v), "date"),
    ),
)  # fmt: skip


@bp.get("/returns")
@needs("money.see")
def returns() -> ResponseReturnValue:
    groups = proposing.groups(session(), clock.today())
    return render_template("achterban/returns.html", groups=groups, meaning=meaning)


@bp.get("/returns/list")
@needs("money.see")
def returns_list() -> ResponseReturnValue:
    return render_template(
        "achterban/list.html",
        page=RETURNS.page(session(), request.args),
        crumbs=[(_("Returns"), url_for(f"{NAME}.returns"))],
    )


@bp.get("/returns/<int:returned_id>")
@needs("money.see")
def return_page(returned_id: int) -> ResponseReturnValue:
    """Sent, refused or taken back, and what was done: one debit from beginning to end."""
    row: Returned = Returned.get(session(), returned_id)
    payment: Payment = row.payment
    attempts: list[Payment] = []
    if payment.instalment_id is not None:
        same = select(Payment).where(Payment.instalment_id == payment.instalment_id, Payment.state != "cancelled")
        attempts = list(session().scalars(same.order_by(Payment.attempt)))
    trace = session().scalars(
        select(AuditEntry)
        .where(AuditEntry.subject == "returned", AuditEntry.subject_id == row.id)
        .order_by(AuditEntry.id)
        .limit(TRACE)
    )
    proposed = session().scalar(
        proposing.waiting(clock.today())
        .with_only_columns(proposing.proposal(clock.today()))
        .where(Returned.id == row.id)
    )
    points = session().scalar(select(proposing.points(row.commitment_id))) if row.commitment_id else 0
    return render_template(
        "achterban/return.html",
        row=row,
        payment=payment,
        instalment=payment.instalment,
        attempts=attempts,
        trace=list(trace),
        proposed=proposed,
        points=points,
        meaning=meaning,
        possible=possible(row, proposed),
        describe=describe,
    )


def possible(row: Returned, proposed: str | None) -> list[str]:
    """What can be done about one that is not settled; the verb says no where it cannot."""
    if row.acted_at is not None and row.action not in FOLLOWED:
        return []
    instalment: Instalment | None = row.payment.instalment
    able = [action for action in ACTIONS if action != "retry" or _can_be_retried(instalment)]
    return sorted(able, key=lambda action: (action != proposed, ACTIONS.index(action)))


def _can_be_retried(instalment: Instalment | None) -> bool:
    return instalment is not None and instalment.status == "returned" and instalment.attempts < proposing.ATTEMPTS
