"""Commitments that are charged online and of which the last charge did not go well: why, and what one can do."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import contains_eager, selectinload

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.forms import saving
from admin.kit.lists import Column, Filter, listing
from admin.labels import badge, choices, label
from admin.pages.commitments import to_commitment
from admin.pages.people import to_supporter
from supporters import Commitment, OnlinePayment, Supporter
from supporters.payments.online import failing as rules
from supporters.payments.online.failing import WHY, WHY_IT_FAILS


def reason(online: OnlinePayment | None, mandate: Any, why: str) -> str:
    """The vendor's word for it, in plain words where we know them."""
    if why == "mandate":
        return label("failure_code", label("mandate_end", mandate.reason))
    if why == "charged_back" or online is None:
        return ""
    return label("failure_code", online.failure_code)


FAILING = listing(
    endpoint="failing",
    title=lazy("Failing commitments"),
    query=lambda: rules.failing(clock.today()),
    key=Commitment.id,
    permission="commitments.see",
    default_sort="number",
    empty=lazy("Every charge goes well. Nothing to do here."),
    options=(
        contains_eager(Commitment.supporter).selectinload(Supporter.contact_points),
        contains_eager(Commitment.gateway_mandate),
        selectinload(Commitment.terms),
        selectinload(Commitment.pauses),
    ),
    columns=(
        Column(
            "number",
            lazy("Commitment"),
            lambda r: r[0].number,
            link=lambda r: to_commitment(r[0].id),
            sort=Commitment.id,
            descending=True,
        ),
        Column("name", lazy("Supporter"), lambda r: r[1].name, link=lambda r: to_supporter(r[1].id)),
        Column("amount", lazy("Amount"), lambda r: r[0].money, "money"),
        Column("why", lazy("What is wrong"), lambda r: badge("why_failing", r[5]), "badge"),
        Column("reason", lazy("Reason"), lambda r: reason(r[4], r[2], r[5])),
        Column("due", lazy("Due on"), lambda r: r[3].due_on if r[3] is not None else None, "date"),
        Column("tries", lazy("Tries"), lambda r: r[3].attempts if r[3] is not None else None, "number"),
        Column("next", lazy("Next try"), lambda r: next_try(r), "date"),
        Column("email", lazy("E-mail"), lambda r: r[1].email),
        Column("phone", lazy("Telephone"), lambda r: r[1].phone),
    ),
    filters=(
        Filter(
            "why",
            lazy("What is wrong"),
            lambda q, v: q.where(v == WHY_IT_FAILS),
            choices=lambda: choices("why_failing", WHY),
        ),
    ),
)


def next_try(row: Any) -> Any:
    return row[3].not_before_on if row[5] == "retry" else None


@bp.get("/commitments/failing")
@needs("commitments.see")
def failing() -> ResponseReturnValue:
    return render_template(
        "achterban/failing.html",
        page=FAILING.page(session(), request.args),
        reason=reason,
        next_try=next_try,
        sendable=rules.SENDABLE,
    )


def _back(commitment_id: int) -> ResponseReturnValue:
    """To the queue where the button was pressed there, else to the commitment."""
    queue = request.form.get("from") == "queue"
    return redirect(url_for(f"{NAME}.failing") if queue else to_commitment(commitment_id))


@bp.post("/commitments/<int:commitment_id>/charge-again/<int:number>")
@needs("commitments.edit")
def failing_charge_again(commitment_id: int, number: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    with saving() as saved:
        commitment.ask_again(saved, number, by=current_actor(), now=clock.now())
    flash(_("It is charged again within a quarter of an hour."), "success")
    return _back(commitment_id)


@bp.post("/commitments/<int:commitment_id>/send-link")
@needs("commitments.edit")
def failing_send_link(commitment_id: int) -> ResponseReturnValue:
    commitment: Commitment = Commitment.get(session(), commitment_id)
    with saving() as saved:
        rules.send_link(saved, commitment, on=clock.today(), by=current_actor(), now=clock.now())
    flash(_("The message with the link is on its way."), "success")
    return _back(commitment_id)
