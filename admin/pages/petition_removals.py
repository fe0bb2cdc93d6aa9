"""Taking out signatures that do not belong: say which, see how many, say why, and put them back where it was wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from wtforms import BooleanField, HiddenField

from admin import clock
from admin.access import current_actor, may, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, moment, ngettext
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, MomentField, required, saving, text
from admin.labels import label
from admin.pages.petition_desk import crumbs, found, page
from campaigns.petitions import trends
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import Criteria, RemovalRun
from campaigns.petitions.signature import Person, Signature, SignaturePerson, opened
from supporters.errors import BadInput, NotFound

SAMPLE = 10


def to_removals(petition: Petition) -> str:
    return url_for(f"{NAME}.petition_removals", slug=petition.slug)


@bp.get("/petitions/<slug>/removals")
@needs("petitions.see")
def petition_removals(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    runs = session().scalars(
        select(RemovalRun).where(RemovalRun.petition_id == petition.id).order_by(RemovalRun.id.desc()).limit(200)
    )
    return page(
        "petition_removals.html", petition, form=None, runs=[(run, said(Criteria(**run.criteria))) for run in runs]
    )


def said(criteria: Criteria) -> list[str]:
    """The criteria in words."""
    words = [
        (criteria.domain, _("domain %(domain)s", domain=criteria.domain)),
        (criteria.network, _("network %(network)s", network=criteria.network[:12])),
        (criteria.source, _("source %(source)s", source=criteria.source)),
        (criteria.risk, _("in quarantine: %(risk)s", risk=label("risk", criteria.risk))),
        (criteria.signed_from, _("signed from %(moment)s", moment=_written(criteria.signed_from))),
        (criteria.signed_until, _("signed before %(moment)s", moment=_written(criteria.signed_until))),
        (criteria.unconfirmed_only, _("unconfirmed only")),
        (criteria.signature_id, _("signature number %(number)s", number=criteria.signature_id)),
    ]
    return [words_of for value, words_of in words if value]


def _written(instant: str) -> str:
    return moment(datetime.fromisoformat(instant)) if instant else ""


# --- a new one -------------------------------------------------------------------------------------------------


class CriteriaForm(Form):
    """Sent by GET: looking changes nothing, and the address can be passed on to a colleague."""

    class Meta(Form.Meta):
        csrf = False

    domain = text(lazy("Domain of the address"), description=lazy("What stands after the @, such as spam.example."))
    network = text(lazy("Network"), length=40, description=lazy("As the trends show it: 32 letters and digits."))
    source = text(lazy("Source"), length=40)
    signed_from = MomentField(lazy("Signed from"))
    signed_until = MomentField(lazy("Signed before"))
    unconfirmed_only = BooleanField(lazy("Only what is not confirmed"))
    risk = HiddenField()
    signature_id = HiddenField()

    def criteria(self) -> Criteria:
        number = self.signature_id.data or ""
        return Criteria(
            domain=(self.domain.data or "").lstrip("@").lower(), network=(self.network.data or "").lower(),
            source=self.source.data or "", risk=self.risk.data or "", signed_from=_instant(self.signed_from.data),
            signed_until=_instant(self.signed_until.data), unconfirmed_only=bool(self.unconfirmed_only.data),
            signature_id=int(number) if number.isdecimal() and len(number) < 16 else None,
        )  # fmt: skip


def _instant(given: datetime | None) -> str:
    return given.isoformat() if given else ""


class RemoveForm(Form):
    reason = text(lazy("Why"), required(), description=lazy("It stands in the log, and is shown with the removal."))
    expected = HiddenField()


@bp.route("/petitions/<slug>/removals/new", methods=["GET", "POST"])
@needs("petitions.remove")
def petition_removal_new(slug: str) -> ResponseReturnValue:
    """Which ones, then how many and what they look like, then why."""
    petition = found(slug)
    asked = CriteriaForm(request.args)
    form = RemoveForm()
    seen: dict[str, Any] | None = None
    given = bool(request.args)
    if given and asked.validate():
        criteria = asked.criteria()
        try:
            seen = _seen(petition, criteria)
        except BadInput as error:
            asked.show_refusal(error)
        if seen and form.validate_on_submit():
            expected = int(form.expected.data) if (form.expected.data or "").isdecimal() else 0
            with saving(form) as saved:
                run = RemovalRun.run(
                    saved, petition, criteria, form.reason.data, expected=expected, by=current_actor(),
                    now=clock.now(),
                )  # fmt: skip
                removed = run.count
            if not form.refusal:
                flash(ngettext("%(num)s signature removed.", "%(num)s signatures removed.", removed), "success")
                return redirect(to_removals(petition))
            seen = _seen(petition, criteria)
    form.expected.data = str(seen["count"]) if seen else "0"
    return page(
        "petition_removal.html",
        petition,
        form=form,
        asked=asked,
        seen=seen,
        crumbs=crumbs(petition, (_("Removals"), to_removals(petition))),
    )


def _seen(petition: Petition, criteria: Criteria) -> dict[str, Any]:
    """How many, exactly, and what they have in common; who they are only for those who may know."""
    count = RemovalRun.preview(session(), petition, criteria)
    where = criteria.where(petition.id)
    return {
        "count": count,
        "words": said(criteria),
        "domains": trends.by(session(), where, "domain", most=5),
        "hours": [(trends.hour_at(line), line) for line in trends.by(session(), where, "hour", most=5)],
        "states": _states(petition, criteria),
        "people": _people(criteria, petition) if may("petitions.private") else [],
    }


def _states(petition: Petition, criteria: Criteria) -> list[tuple[str, int]]:
    rows = session().execute(
        select(Signature.state, func.count())
        .where(criteria.where(petition.id))
        .group_by(Signature.state)
        .order_by(func.count().desc())
    )
    return [(state, count) for state, count in rows]


def _people(criteria: Criteria, petition: Petition) -> list[tuple[Signature, Person, str]]:
    rows = (
        session()
        .execute(
            select(Signature, SignaturePerson)
            .join(SignaturePerson, SignaturePerson.signature_id == Signature.id)
            .where(criteria.where(petition.id))
            .order_by(Signature.signed_at.desc())
            .limit(SAMPLE)
        )
        .all()
    )
    people = opened(session(), [person for _signature, person in rows])
    return [(signature, people[signature.id], person.domain) for signature, person in rows]


# --- putting back ----------------------------------------------------------------------------------------------


class SureForm(Form):
    """Only the token: the page is the question."""


@bp.route("/petitions/<slug>/removals/<int:run_id>/undo", methods=["GET", "POST"])
@needs("petitions.remove")
def petition_removal_undo(slug: str, run_id: int) -> ResponseReturnValue:
    petition = found(slug)
    run: RemovalRun = RemovalRun.get(session(), run_id)
    if run.petition_id != petition.id:
        raise NotFound("This removal belongs to another petition.")
    form = SureForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            back = run.undo(saved, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(ngettext("%(num)s signature put back.", "%(num)s signatures put back.", back), "success")
            return redirect(to_removals(petition))
    return Confirmation(
        title=_("Undo a removal"),
        question=_("You put back what this removal took out: %(reason)s", reason=run.reason),
        points=[
            _("Each goes back to what it was: confirmed, waiting for its button, or in quarantine."),
            _("The count goes up again, and the removal stays in the list as undone."),
        ],
        count=run.count,
        button=_("Put them back"),
        back=to_removals(petition),
        crumbs=crumbs(petition, (_("Removals"), to_removals(petition))),
    ).show(form)
