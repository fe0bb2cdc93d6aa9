"""An edition as it is drafted and changed, and the goals it is after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import IntegerField, RadioField, SelectField
from wtforms.validators import Optional

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, money
from admin.kit.forms import DateField, Form, MoneyField, chosen, required, saving, shown
from admin.kit.forms import text as line
from admin.labels import choices
from admin.pages.commitments import fund_choices
from admin.pages.edition_desk import crumbs, do, found
from admin.pages.editions import to_edition
from admin.pages.petition_edit import area
from campaigns.campaign import Campaign
from campaigns.edition import GOALS, MODES, RECURRING, Edition, Goal
from supporters.errors import BadInput, NotFound
from supporters.giving.fund import Fund
from supporters.money import Money

#: Fields of the library whose field here has another name.
FIELDS = {"ends_on": "last_on", "code": "campaign_code", "name": "campaign_name", "target": "goal", "goals": ""}
ROWS = [("starts_on", "last_on"), ("fund", "follow_on_fund"), ("campaign_name", "campaign_code")]
#: Of what was approved.
LATER = ("title", "story", "last_on")


class EditionForm(Form):
    title = line(lazy("Title"), required(), description=lazy("As the public reads it."))
    story = area(
        lazy("What it is about"), rows=8,
        description=lazy("On the page of the edition. An empty line begins a paragraph; **bold**, *italic*, - list."),
    )  # fmt: skip
    starts_on = DateField(lazy("First day"), [required()])
    last_on = DateField(
        lazy("Last day"), [required()], description=lazy("Gifts of this day still count; those of the next do not.")
    )
    fund = SelectField(lazy("What it is for"), [chosen()])
    follow_on_fund = SelectField(
        lazy("What late gifts are for"), [Optional()],
        description=lazy("What comes in after the last day goes to this fund."),
    )  # fmt: skip
    surplus = area(
        lazy("What happens with what is above the goal"), required(), rows=2,
        description=lazy("The public reads it before anybody gives."),
    )  # fmt: skip
    mode = RadioField(
        lazy("When the goal is not reached"), choices=choices("edition_mode", MODES), default="keep_it_all"
    )
    recurring = RadioField(
        lazy("How gifts that return count"), choices=choices("edition_recurring", RECURRING), default="received"
    )

    def values(self, saved: Session) -> dict[str, Any]:
        """As the verbs want it; ``ends_on`` is the first day after the last."""
        known = {name: field.data for name, field in self._fields.items() if name in VALUES}
        known["ends_on"] = self.last_on.data + timedelta(days=1)
        if "fund" in self:
            known["fund"] = Fund.get(saved, int(self.fund.data))
            late = self.follow_on_fund.data
            known["follow_on_fund"] = Fund.get(saved, int(late)) if late else known["fund"]
        return known

    def offer_funds(self, edition: Edition | None = None) -> None:
        """Those that are open, and those that it has."""
        there = {str(each.id): each.name for each in (edition.fund, edition.follow_on_fund)} if edition else {}
        offered = there | dict(fund_choices(open_only=True))
        self.fund.choices = list(offered.items())
        self.follow_on_fund.choices = [("", _("The same")), *offered.items()]


VALUES = ("title", "story", "starts_on", "surplus", "mode", "recurring")
ANEW = "new"


class NewForm(EditionForm):
    campaign = SelectField(
        lazy("Campaign"), [chosen()], description=lazy("An edition is one run of it, with days and a goal of its own.")
    )
    campaign_name = line(lazy("Name of the new campaign"), description=lazy("Only for a new one."))
    campaign_code = line(
        lazy("Code of the new campaign"), length=30,
        description=lazy("What the source codes of its gifts begin with, such as families."),
    )  # fmt: skip
    slug = line(
        lazy("Web address"), required(), length=40,
        description=lazy("The end of it, for ever: small letters, digits and hyphens, such as families-2027."),
    )  # fmt: skip
    goal = MoneyField(lazy("Goal in euros"), [required()])

    def campaign_of(self, saved: Session) -> Campaign:
        if self.campaign.data != ANEW:
            found: Campaign = Campaign.get(saved, int(self.campaign.data))
            return found
        return Campaign.open(
            saved, self.campaign_code.data or "", self.campaign_name.data or "", started_on=self.starts_on.data,
            by=current_actor(), now=clock.now(),
        )  # fmt: skip

    def offer_campaigns(self) -> None:
        rows = session().execute(select(Campaign.id, Campaign.name).order_by(Campaign.id.desc()).limit(200))
        self.campaign.choices = [*((str(key), name) for key, name in rows), (ANEW, _("A new campaign"))]


ORDER = (
    "campaign", "campaign_name", "campaign_code", "title", "slug", "story", "starts_on", "last_on", "goal", "fund",
    "follow_on_fund", "surplus", "mode", "recurring", "csrf_token",
)  # fmt: skip


@bp.route("/new-edition", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_new() -> ResponseReturnValue:
    form = NewForm()
    form._fields = {name: form._fields[name] for name in ORDER if name in form._fields}
    form.offer_campaigns()
    form.offer_funds()
    if form.validate_on_submit():
        given: dict[str, Any] = {"by": current_actor(), "now": clock.now()}
        with saving(form, FIELDS) as saved:
            edition = Edition.draft(
                saved, form.campaign_of(saved), form.slug.data, **form.values(saved), **given
            )  # fmt: skip
            edition.aim(saved, form.goal.data.amount, **given)
        if not form.refusal:
            flash(_("Drafted. Nobody sees it before a colleague approves it and it is launched."), "success")
            return redirect(to_edition(edition))
    return shown(
        "form.html", form=form, title=_("New edition"), button=_("Draft it"), rows=[*ROWS, ("slug", "goal")],
        lead=_("This makes a draft. A colleague approves it; then what you promise here stands."),
        crumbs=[(_("Crowdfunding"), url_for(f"{NAME}.editions"))], back=url_for(f"{NAME}.editions"),
    )  # fmt: skip


@bp.route("/editions/<slug>/change", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_edit(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    form = EditionForm(data=_as_typed(edition))
    if is_draft := edition.state == "draft":
        form.offer_funds(edition)
    else:
        for name in [name for name in form._fields if name not in (*LATER, "csrf_token")]:
            del form[name]
    if form.validate_on_submit():
        with saving(form, FIELDS) as saved:
            edition.edit(saved, by=current_actor(), now=clock.now(), **form.values(saved))
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(to_edition(edition))
    stands = _("What givers were told stands: its title and story can change, and its last day go later.")
    return shown(
        "form.html", form=form, title=_("Change the edition"), button=_("Save"), crumbs=crumbs(edition),
        rows=ROWS[:2] if is_draft else [], back=to_edition(edition), lead=None if is_draft else stands,
    )  # fmt: skip


def _as_typed(edition: Edition) -> Mapping[str, Any]:
    late = edition.follow_on_fund_id
    return {name: getattr(edition, name) for name in VALUES} | {
        "last_on": edition.ends_on - timedelta(days=1), "fund": str(edition.fund_id),
        "follow_on_fund": "" if late == edition.fund_id else str(late),
    }  # fmt: skip


# --- goals -----------------------------------------------------------------------------------------------------


class GoalForm(Form):
    kind = RadioField(lazy("What kind of goal"), choices=choices("goal_kind", GOALS), default="amount")
    amount = MoneyField(lazy("How much money"), description=lazy("Only for a goal in money."))
    count = IntegerField(lazy("How many"), [Optional()], description=lazy("Of supporters, or of what your work does."))
    unit = line(lazy("What one is"), description=lazy("Only for what your work does, such as “family reunited”."))
    unit_cost = MoneyField(lazy("What one costs"), description=lazy("The bar counts how many the money pays for."))

    def target(self) -> int:
        """In cents, or how many; raises BadInput where it is not filled in."""
        if self.kind.data == "amount":
            if self.amount.data is None:
                raise BadInput("Fill in an amount.", field="amount")
            return int(self.amount.data.amount)
        if self.count.data is None:
            raise BadInput("Fill in how many.", field="count")
        return int(self.count.data)


@bp.route("/editions/<slug>/goals/new", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_goal_new(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    form = GoalForm()
    if form.validate_on_submit():
        beside = "amount" if form.kind.data == "amount" else "count"
        with saving(form, {"target": beside}) as saved:
            edition.aim(
                saved, form.target(), kind=form.kind.data, unit=form.unit.data or "", unit_cost=form.unit_cost.data,
                by=current_actor(), now=clock.now(),
            )  # fmt: skip
        if not form.refusal:
            flash(_("The goal is set."), "success")
            return redirect(to_edition(edition))
    return shown(
        "form.html", form=form, title=_("Add a goal"), button=_("Set it"), crumbs=crumbs(edition),
        rows=[("amount", "count"), ("unit", "unit_cost")], back=to_edition(edition), lead=_lead(edition),
    )  # fmt: skip


def _lead(edition: Edition) -> str:
    there = [each.target for each in edition.goals if each.kind == "amount"]
    if not there:
        return _("An edition needs at least a goal in money.")
    first = money(Money(min(there), edition.currency))
    return _("The goal is %(goal)s. What is higher is a stretch goal.", goal=first)


@bp.post("/editions/<slug>/goals/<int:goal_id>/drop")
@needs("crowdfunding.edit")
def edition_goal_drop(slug: str, goal_id: int) -> ResponseReturnValue:
    edition = found(slug)
    goal = next((each for each in edition.goals if each.id == goal_id), None)
    if goal is None:
        raise NotFound("%(title)s has no such part.", title=edition.title)
    found_goal: Goal = goal
    return do(
        edition, lambda s: edition.drop(s, found_goal, by=current_actor(), now=clock.now()), _("The goal is gone.")
    )
