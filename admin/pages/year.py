"""The year: its figures beside the year before, the categories of RJ 650, and closing it."""

from __future__ import annotations

import json

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from wtforms import BooleanField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.charts import Chart, Series
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, chosen, saving
from admin.labels import label
from admin.pages.overview import income_chart, year_to_look_at
from supporters import CollectionBatch, FinancialYear, Gift
from supporters.reports.year import RAISED, YearReport, monthly_income


@bp.get("/year")
@needs("reports.see")
def year() -> ResponseReturnValue:
    wanted = request.args.get("year", type=int) or year_to_look_at(clock.today())
    report = YearReport.of(session(), wanted)
    first = session().scalar(select(func.min(Gift.received_on)))
    years = range(clock.today().year, min(first.year if first else wanted, wanted) - 1, -1)
    shares = [
        name
        for name in RAISED
        if report.income_by_category[name].this_year or report.income_by_category[name].last_year
    ]
    by_category = Chart(
        _("Income by category"),
        [label("category", name) for name in shares],
        (
            Series(str(wanted), [report.income_by_category[name].this_year for name in shares]),
            Series(str(wanted - 1), [report.income_by_category[name].last_year for name in shares]),
        ),
        of=_("Category"),
        kind="rows",
        id="categories",
        table=False,
    )
    closed = session().get(FinancialYear, wanted)
    return render_template(
        "achterban/year.html",
        report=report,
        year=wanted,
        years=list(years)[:20],
        chart=income_chart(wanted, monthly_income(session(), wanted)),
        categories=by_category if shares else None,
        closed=closed if closed and closed.closed_at else None,
        is_over=wanted < clock.today().year,
    )


@bp.get("/year/<int:number>.json")
@needs("reports.see")
def year_json(number: int) -> ResponseReturnValue:
    """The same figures for a spreadsheet or a script, as ``achterban report year --json`` prints them."""
    text = json.dumps(YearReport.of(session(), number).to_json(), indent=2)
    headers = {"Content-Disposition": f'attachment; filename="year-{number}.json"'}
    return Response(text, mimetype="application/json", headers=headers)


class CloseForm(Form):
    sure = BooleanField(lazy("The figures are final"), [chosen()])


@bp.route("/year/<int:number>/close", methods=["GET", "POST"])
@needs("year.close", fresh=True)
def year_close(number: int) -> ResponseReturnValue:
    form = CloseForm()
    back = url_for(f"{NAME}.year", year=number)
    if form.validate_on_submit():
        with saving(form) as saved:
            FinancialYear.close(saved, number, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("%(year)s is closed.", year=number), "success")
            return redirect(back)
    waiting = session().scalar(
        select(func.count())
        .select_from(CollectionBatch)
        .where(
            CollectionBatch.state.in_(("approved", "exported")),
            func.extract("year", CollectionBatch.collect_on) == number,
        )
    )
    points = [
        _("Nothing can be booked any more with a date in %(year)s.", year=number),
        _("A correction is booked with a date in a year that is open."),
        _("This cannot be undone here."),
    ]
    if waiting:
        points.insert(0, _("Mind: %(count)s collections of this year are not booked yet.", count=waiting))
    return Confirmation(
        title=_("Close %(year)s", year=number),
        question=_("This is what happens:"),
        points=points,
        button=_("Close the year"),
        back=back,
        danger=True,
        crumbs=[(_("The year"), back)],
    ).show(form)
