"""Acting on what came back: exactly those that the page showed, with their count and total, all or none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from wtforms import HiddenField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import asked_key, session
from admin.i18n import day, lazy, ngettext
from admin.i18n import gettext as _
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, saving, text
from admin.labels import label
from admin.pages.returns import meaning, to_return
from supporters import ContactPoint, Money, Returned
from supporters.errors import BadInput, NotFound, Refused
from supporters.payments.returns import proposing
from supporters.payments.returns.acting import next_try, notice_days
from supporters.payments.returns.reasons import ACTIONS


class ActForm(Form):
    note = text(lazy("Note"), length=200, description=lazy("For your colleagues; it stands with what came back."))
    shown = HiddenField()


def fingerprint(ids: Sequence[int]) -> str:
    """Says which returns a page showed, so that nothing is done about one that came in meanwhile."""
    return hashlib.sha256(",".join(str(each) for each in ids).encode()).hexdigest()[:32]


@bp.route("/returns/act", methods=["GET", "POST"])
@needs("returns.act")
def returns_act() -> ResponseReturnValue:
    """About one (``one``), or about a group (``reason`` and ``proposed``), this ``action``."""
    action = request.args.get("action", "")
    if action not in ACTIONS:
        raise BadInput(
            "“%(action)s” is not something to do about a return; there are: %(known)s.",
            field="action", action=action[:40], known=", ".join(ACTIONS),
        )  # fmt: skip
    one = asked_key("one")
    ids = [Returned.get(session(), one).id] if one else _group()
    form = ActForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            if form.shown.data != fingerprint(ids):
                raise Refused("Something came in or was done since you looked at this page: look at it again.")
            count = Returned.act_on(
                saved,
                ids,
                action,
                by=current_actor(),
                now=clock.now(),
                today=clock.today(),
                payday=_settings().payday,
                note=form.note.data or "",
            )
        if not form.refusal:
            flash(
                ngettext("Done, for %(num)s debit that came back.", "Done, for %(num)s debits that came back.", count),
                "success",
            )
            return redirect(to_return(one) if one else url_for(f"{NAME}.returns"))
        ids = ids if one else _group()
    form.shown.data = fingerprint(ids)
    return _question(form, ids, action, one)


def _settings() -> Any:
    return current_app.extensions["supporters"].settings


def _group() -> list[int]:
    reason, proposed = request.args.get("reason", ""), request.args.get("proposed", "")
    ids = proposing.ids_of(session(), clock.today(), "" if reason == "-" else reason, proposed or None)
    if not ids and request.method == "GET":
        raise NotFound("Nothing waits here any more: somebody acted on it.")
    return ids


def _question(form: ActForm, ids: list[int], action: str, one: int | None) -> ResponseReturnValue:
    money = (
        session()
        .execute(
            select(func.min(Returned.currency), func.coalesce(func.sum(Returned.amount), 0)).where(Returned.id.in_(ids))
        )
        .one()
    )
    reason = session().get_one(Returned, ids[0]).reason if ids else ""
    crumbs = [(_("Returns"), url_for(f"{NAME}.returns"))]
    return Confirmation(
        title=label("return_action", action),
        question=_("Debits that came back with %(code)s: %(meaning)s.", code=reason or "–", meaning=meaning(reason)),
        points=[*_points(ids, action), *_exceptions(reason, action, one)],
        count=len(ids),
        total=Money(int(money[1]), money[0] or "EUR"),
        button=ngettext("Do this for %(num)s debit", "Do this for %(num)s debits", len(ids)),
        back=to_return(one) if one else url_for(f"{NAME}.returns"),
        danger=action in ("end", "end_mandate"),
        crumbs=crumbs,
    ).show(form)


def _points(ids: list[int], action: str) -> list[str]:
    """What will happen, in whole sentences."""
    if action == "retry":
        ahead = max(notice_days(session()).values(), default=14)
        on = next_try(clock.today(), _settings().payday, ahead)
        return [
            _("They go along with the first collection on or after %(day)s, once and not again.", day=day(on)),
            *_messages(ids, _("They are told so by e-mail now, because it is another day than the one announced."), _(
                "Announce amounts has them for a letter; without that they are left out."
            )),
        ]  # fmt: skip
    if action == "ask_iban":
        return [
            _("Nothing is collected for these commitments until there is another account number; then they go on."),
            *_messages(ids, _("They get a link to their own page, where they can fill it in."), _(
                "Call them or write."
            )),
            _("Each gets a task."),
        ]  # fmt: skip
    return {
        "end_mandate": [
            _("The mandates end today: nothing is collected on them any more, not for another commitment either."),
            _("Each gets a task: look for what was signed, and ask for a new mandate."),
        ],
        "hold_and_call": [
            _("Nothing is collected for these commitments until somebody resumes them."),
            _("Each gets a task: call first, and resume or stop it then."),
        ],
        "fix_data": [
            _("Nothing changes for the donors. There is one task for each collection, with what the bank says."),
            _("When it is put right, come back to these and let them be tried once more."),
        ],
        "deceased": [
            _("Everything that these people promised is held, and nothing is sent to them."),
            _("Each gets a task: make sure, and then report the death. Nobody is set down as dead by it."),
        ],
        "investigate": [_("Each gets a task. None of these is collected again by itself.")],
        "nothing": [_("None of these is collected again, and the commitments go on.")],
        "end": [_("The commitments end today, because payments kept failing. What is due now is let go.")],
    }[action]  # fmt: skip


def _messages(ids: list[int], with_address: str, without: str) -> list[str]:
    """How many can be reached by mail, and what becomes of the others."""
    mail = (
        select(ContactPoint.supporter_id)
        .where(ContactPoint.kind == "email", ContactPoint.until_on.is_(None))
        .distinct()
    )
    reached = int(
        session().scalar(
            select(func.count()).where(Returned.id.in_(ids), Returned.supporter_id.in_(mail))
        ) or 0
    )  # fmt: skip
    said = []
    if reached:
        said.append(
            ngettext("%(num)s has an e-mail address.", "%(num)s have an e-mail address.", reached) + " " + with_address
        )
    if rest := len(ids) - reached:
        said.append(ngettext("%(num)s has none.", "%(num)s have none.", rest) + " " + without)
    return said


def _exceptions(reason: str, action: str, one: int | None) -> list[str]:
    """Others with this reason, for which something else is proposed: they are not in this group."""
    if one:
        return []
    others = [
        each for each in proposing.groups(session(), clock.today())
        if each.code == reason and each.action != request.args.get("proposed")
    ]  # fmt: skip
    return [
        ngettext(
            "Not among these: %(num)s debit with this reason, for which is proposed: %(action)s.",
            "Not among these: %(num)s debits with this reason, for which is proposed: %(action)s.",
            each.count,
            action=label("return_action", each.action),
        )
        for each in others
    ]
