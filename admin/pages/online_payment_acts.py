"""What a person can do about one online payment: ask the gateway, look at its news again, say it was never made."""

from __future__ import annotations

from contextlib import suppress

from flask import current_app, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms.validators import DataRequired

from admin import clock, payment_story
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, moment, ngettext, say
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, saving, text
from admin.pages.online_payments import about, find, to_payment
from supporters import Notification, OnlinePayment, audit
from supporters.errors import AchterbanError, NotFound
from supporters.payments.online import deciding, post
from supporters.payments.online.cashier import Cashier


def cashier() -> Cashier:
    found: Cashier = current_app.extensions["supporters"].cashier()
    return found


def crumbs(online: OnlinePayment) -> list[tuple[str, str]]:
    return [
        (_("Online payments"), url_for(f"{NAME}.online_payments")),
        (payment_story.number(online.payment_id), to_payment(online.payment_id)),
    ]


@bp.post("/online-payments/<int:payment_id>/look")
@needs("money.look")
def online_payment_look(payment_id: int) -> ResponseReturnValue:
    """Ask the gateway how it stands. One that did not fit is believed again where it fits now."""
    online = find(payment_id)
    aside = online.step == "parked"
    actor = current_actor()
    with saving() as saved:
        if aside:
            deciding.reconsider(saved, online, by=actor, now=clock.now())
        audit.record(saved, actor, "look", online, now=clock.now(), supporter=online.payment.supporter_id)
    try:
        facts = cashier().sync(payment_id, "button")
    except AchterbanError as error:
        flash(_("The gateway could not be asked: %(why)s", why=say(error)), "warning")
        return redirect(to_payment(payment_id))
    session().expire_all()
    online = find(payment_id)
    if aside:
        with saving() as saved:
            deciding.note_fits(saved, online, by=actor, now=clock.now())
    if facts:
        flash(
            ngettext("Looked: %(num)s new thing is booked.", "Looked: %(num)s new things are booked.", len(facts)),
            "success",
        )
    else:
        flash(_("Looked at %(moment)s: nothing new.", moment=moment(clock.now())), "info")
    return redirect(to_payment(payment_id))


@bp.post("/online-payments/<int:payment_id>/news/<int:notification_id>")
@needs("money.look")
def online_payment_news(payment_id: int, notification_id: int) -> ResponseReturnValue:
    """Look at one piece of news again, at once; what it says is not believed, the gateway is asked."""
    online = find(payment_id)
    news = session().scalar(select(Notification).where(Notification.id == notification_id, about(online)))
    if news is None:
        raise NotFound("There is no such news of this payment.")
    with saving() as saved:
        news.replay(saved, now=clock.now())
        audit.record(saved, current_actor(), "replay", news, now=clock.now(), supporter=online.payment.supporter_id)
    at = cashier()
    with at.session() as own:
        again = own.get_one(Notification, notification_id)
        own.expunge(again)
    came_of_it = post.look_at(at, again)
    texts = {
        "done": _("Looked at again; what the gateway says of this payment is booked."),
        "later": _("The gateway does not answer now; we look again by ourselves."),
        "ignored": _("The gateway does not know this payment."),
    }
    flash(texts[came_of_it], "success" if came_of_it == "done" else "warning")
    return redirect(to_payment(payment_id))


class NeverMadeForm(Form):
    why = text(
        lazy("What did you see at the gateway?"),
        DataRequired(lazy("Fill this in.")),
        length=200,
        description=lazy("For example: searched for the reference in the dashboard, there is no such payment."),
    )


@bp.route("/online-payments/<int:payment_id>/never-made", methods=["GET", "POST"])
@needs("money.run", fresh=True)
def online_payment_never_made(payment_id: int) -> ResponseReturnValue:
    online = find(payment_id)
    form = NeverMadeForm()
    if form.validate_on_submit():
        actor = current_actor()
        if online.step == "unknown" and online.is_for_a_person:
            # A last look: should it be there after all, it is booked instead.
            session().rollback()
            with suppress(NotFound):  # An account that the settings no longer name cannot be asked.
                cashier().sync(payment_id, "button")
            online = find(payment_id)
            if online.step not in ("unknown", "parked"):
                flash(_("It is there after all, as you see below."), "success")
                return redirect(to_payment(payment_id))
        with saving(form) as saved:
            online.never_made(saved, by=actor, now=clock.now(), why=form.why.data)
        if not form.refusal:
            flash(_("Set down as never made."), "success")
            return redirect(to_payment(payment_id))
    points = [_("Nothing is booked, and the donor owes nothing for it.")]
    if online.payment.instalment is not None:
        points.append(_("It is a charge for a commitment: it is charged afresh, with the next charges."))
    if online.step == "unknown":
        points.append(_("We look for it one last time first; should it be there, it is booked instead."))
    return Confirmation(
        title=_("Set down as never made"),
        question=_(
            "You looked in the dashboard of the gateway %(account)s, and payment %(reference)s is not there:",
            account=online.account,
            reference=online.payment.reference,
        ),
        points=points,
        total=online.payment.money,
        button=_("It is not there: it was never made"),
        back=to_payment(payment_id),
        danger=True,
        crumbs=crumbs(online),
    ).show(form)
