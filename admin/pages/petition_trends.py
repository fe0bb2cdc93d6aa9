"""Where a petition's signatures come from in the last hours, and what is held until somebody looked."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import asked_key, session
from admin.i18n import gettext as _
from admin.i18n import ngettext, number
from admin.kit.charts import Chart, Series
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, saving
from admin.labels import label
from admin.pages.petition_desk import crumbs, found, of_hour, page
from campaigns.petitions import quarantine
from campaigns.petitions.removal import release
from campaigns.petitions.signature import Signature
from campaigns.petitions.tally import hour_of
from campaigns.petitions.trends import Trends, hour_at
from supporters.errors import NotFound

WINDOWS = (6, 24, 48, 168)
PAGE = 50


@bp.get("/petitions/<slug>/trends")
@needs("petitions.see")
def petition_trends(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    asked = request.args.get("hours", 24, type=int)
    hours = asked if asked in WINDOWS else 24
    trends = Trends.of(session(), petition, now=clock.now(), hours=hours)
    return page(
        "petition_trends.html",
        petition,
        form=None,
        trends=trends,
        hours=hours,
        windows=[(each, _within(each)) for each in WINDOWS],
        chart=_chart(trends),
        since=of_hour(trends.since),
    )


def _within(hours: int) -> str:
    if hours < 48:
        return ngettext("the last hour", "the last %(num)s hours", hours)
    return ngettext("the last day", "the last %(num)s days", hours // 24)


def _chart(trends: Trends) -> Chart:
    """The hours that had something and those that had nothing, in the charity's own time."""
    counts = {hour_at(line): line for line in trends.hours}
    hours: list[datetime] = []
    at = hour_of(trends.since)
    while at < trends.until:
        hours.append(at)
        at += timedelta(hours=1)
    every = 1 if len(hours) <= 12 else 3 if len(hours) <= 49 else 24
    labels = [
        "" if index % every else (f"{local:%H}" if every < 24 else f"{local.day}-{local.month}")
        for index, local in enumerate(hour.astimezone(clock.zone()) for hour in hours)
    ]
    values = [counts[hour].count if hour in counts else 0 for hour in hours]
    confirmed = [counts[hour].confirmed if hour in counts else 0 for hour in hours]
    return Chart(
        _("Signatures by hour"), labels, [Series(_("Sent in"), values), Series(_("Confirmed"), confirmed)],
        write=number, write_short=number, of=_("Hour"), table=False,
    )  # fmt: skip


# --- what is held ----------------------------------------------------------------------------------------------


@bp.get("/petitions/<slug>/quarantine")
@needs("petitions.remove")
def petition_quarantine(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    risk = request.args.get("risk")
    held = quarantine.held(session(), petition, risk=risk, after=asked_key("after"), most=PAGE)
    return page(
        "petition_quarantine.html",
        petition,
        form=None,
        risks=quarantine.risks(session(), petition),
        held=held,
        risk=risk,
        following=held[-1].signature.id if len(held) == PAGE else None,
    )


@bp.post("/petitions/<slug>/quarantine/<int:signature_id>/release")
@needs("petitions.remove")
def petition_quarantine_release(slug: str, signature_id: int) -> ResponseReturnValue:
    petition = found(slug)
    signature: Signature = Signature.get(session(), signature_id)
    if signature.petition_id != petition.id:
        raise NotFound("This signature belongs to another petition.")
    with saving() as saved:
        release(saved, signature, by=current_actor(), now=clock.now())
    flash(_("Released: it counts, and its mail is on its way."), "success")
    return redirect(url_for(f"{NAME}.petition_quarantine", slug=slug))


class ReleaseForm(Form):
    expected = HiddenField()


@bp.route("/petitions/<slug>/quarantine/release", methods=["GET", "POST"])
@needs("petitions.remove")
def petition_quarantine_release_all(slug: str) -> ResponseReturnValue:
    """All that are held for one reason; the page before it says how many."""
    petition = found(slug)
    risk = request.args.get("risk", "")
    count = quarantine.count(session(), petition, risk)
    form = ReleaseForm()
    if form.validate_on_submit():
        seen = int(form.expected.data) if (form.expected.data or "").isdecimal() else 0
        with saving(form) as saved:
            released = quarantine.release_all(saved, petition, risk, expected=seen, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(ngettext("%(num)s signature released.", "%(num)s signatures released.", released), "success")
            return redirect(url_for(f"{NAME}.petition_quarantine", slug=slug))
    form.expected.data = str(count)
    back = url_for(f"{NAME}.petition_quarantine", slug=slug)
    points = {
        "required": _("Each gets the mail with the button, and is confirmed once it is pressed."),
        "soft": _("Each counts at once and gets a mail that asks whether it was them."),
        "none": _("Each counts at once and gets a mail with thanks."),
    }
    return Confirmation(
        title=_("Release what is held"),
        question=_("These are real signatures after all: %(risk)s", risk=label("risk", risk)),
        points=[points[petition.confirm_policy], _("This cannot be undone in one go: a mail that was sent is sent.")],
        count=count,
        button=_("Release them"),
        back=back,
        crumbs=crumbs(petition, (_("Quarantine"), back)),
    ).show(form)
