"""Editions of campaigns: the list, and the one page on which everything about an edition stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import BigInteger, Select, case, cast, func, or_, select
from sqlalchemy.orm import joinedload

from admin import clock
from admin.access import current_actor, may, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import day, lazy, money, number, short_money, whole_money
from admin.i18n import gettext as _
from admin.kit.charts import Chart, Series
from admin.kit.lists import Column, Filter, listing
from admin.labels import badge, choices
from campaigns.crowdfunding import wall
from campaigns.crowdfunding.counter import Counter, CounterEntry
from campaigns.crowdfunding.match import Match
from campaigns.crowdfunding.offline import OfflineMoney
from campaigns.crowdfunding.page import FundraisingPage, Team
from campaigns.crowdfunding.picture import PagePicture
from campaigns.crowdfunding.report import Account, brought, curve
from campaigns.crowdfunding.update import EditionUpdate
from campaigns.edition import GOALS, STATES, Edition, Goal
from campaigns.petitions.markdown import to_html
from supporters.money import Money


def to_edition(edition: Edition) -> str:
    return url_for(f"{NAME}.edition_page", slug=edition.slug)


def state_of(edition: Edition) -> str:
    """As a fundraiser sees it: what is live by its state may be over by its days."""
    return "over" if edition.state in ("live", "paused") and edition.ends_on <= clock.today() else edition.state


def days_of(from_on: date, until_on: date | None) -> str:
    """The first and the last day on which a gift counts."""
    if until_on is None:
        return _("from %(day)s", day=day(from_on, "medium"))
    return f"{day(from_on, 'medium')} – {day(until_on - timedelta(days=1), 'medium')}"


def _query() -> Any:
    """Each edition with the public figure of its counter and its first goal in money, in one statement."""
    entry = CounterEntry
    counted = (  # of the rows that are shown, and no others
        select(func.coalesce(func.sum(entry.amount), 0))
        .where(entry.edition_id == Edition.id, entry.stage != "promised")
        .scalar_subquery()
    )
    goal = select(func.min(Goal.target)).where(Goal.edition_id == Edition.id, Goal.kind == "amount").scalar_subquery()
    return select(Edition, cast(counted, BigInteger).label("counter"), goal.label("target"))


def _progress(row: Any) -> str:
    edition, counter, target = row
    if not target:
        return ""
    return _("%(share)s%% of %(goal)s", share=100 * counter // target, goal=money(Money(target, edition.currency)))


EDITIONS = listing(
    endpoint="editions",
    title=lazy("Crowdfunding"),
    query=_query,
    key=Edition.id,
    permission="crowdfunding.see",
    default_sort="days",
    options=(joinedload(Edition.campaign),),
    empty=lazy("There is no edition yet, or none is found with this."),
    columns=(
        Column("title", lazy("Title"), lambda r: r[0].title, link=lambda r: to_edition(r[0]), sort=Edition.title),
        Column("campaign", lazy("Campaign"), lambda r: r[0].campaign.name),
        Column(
            "days",
            lazy("Days"),
            lambda r: days_of(r[0].starts_on, r[0].ends_on),
            sort=Edition.starts_on,
            descending=True,
        ),
        Column("state", lazy("State"), lambda r: badge("edition", state_of(r[0])), "badge"),
        Column("counter", lazy("Counter"), lambda r: Money(r[1], r[0].currency), "money"),
        Column("goal", lazy("Goal"), _progress, "short"),
    ),
    filters=(
        Filter("q", lazy("Title"), lambda q, v: q.where(Edition.title.icontains(v, autoescape=True)), "text"),
        Filter(
            "state",
            lazy("State"),
            lambda q, v: q.where(Edition.state == v),
            choices=lambda: choices("edition", STATES),
        ),
    ),
)


@bp.get("/editions")
@needs("crowdfunding.see")
def editions() -> ResponseReturnValue:
    return render_template("achterban/list.html", page=EDITIONS.page(session(), request.args), actions=_actions())


def _actions() -> list[tuple[str, str]]:
    return [(_("New edition"), url_for(f"{NAME}.edition_new"))] if may("crowdfunding.edit") else []


# --- one edition -----------------------------------------------------------------------------------------------

#: An edition with more pages than this shows those that wait and the newest.
MOST_PAGES = 200
#: So many points a curve has at most.
POINTS = 45


@bp.get("/editions/<slug>")
@needs("crowdfunding.see")
def edition_page(slug: str) -> ResponseReturnValue:
    edition = Edition.by_slug(session(), slug)
    account = Account.of(session(), edition, clock.today())
    of_pages = brought(session(), edition)
    return render_template(
        "achterban/edition.html",
        edition=edition,
        state=state_of(edition),
        days=days_of(edition.starts_on, edition.ends_on),
        counter=account.counter,
        goals=bars_of(edition, account.counter),
        account=account,
        names={each.placement.code: each.placement.name for each in account.placements},
        matches=session()
        .scalars(
            select(Match)
            .where(Match.edition_id == edition.id)
            .options(joinedload(Match.sponsor))
            .order_by(Match.from_on, Match.id)
        )
        .all(),
        pages=_pages(edition),
        pictures=set(session().scalars(_with_a_picture(edition))),
        brought=of_pages,
        teams=_teams(edition, of_pages),
        all_pages=session().scalar(
            select(func.count()).select_from(FundraisingPage).where(FundraisingPage.edition_id == edition.id)
        ),
        offline=session()
        .scalars(
            select(OfflineMoney)
            .where(OfflineMoney.edition_id == edition.id)
            .options(joinedload(OfflineMoney.page))
            .order_by(OfflineMoney.handed_on.desc(), OfflineMoney.id.desc())
            .limit(500)
        )
        .all(),
        me=current_actor().key,
        cents=lambda amount: Money(amount, edition.currency),
        days_of=days_of,
        to_html=to_html,
        on_the_wall=wall.counts(session(), edition),
        news=session().scalar(
            select(func.count()).select_from(EditionUpdate).where(EditionUpdate.edition_id == edition.id)
        ),
        curve=_curve(edition),
    )


def _pages(edition: Edition) -> Sequence[FundraisingPage]:
    """Those with something for somebody of ours to look at first, then the newest."""
    page = FundraisingPage
    to_see = or_(page.state == "waiting", page.changed_at.is_not(None), page.id.in_(_with_a_picture(edition)))
    waits = case((to_see, 0), else_=1)
    query = (
        select(FundraisingPage)
        .where(FundraisingPage.edition_id == edition.id)
        .options(joinedload(FundraisingPage.owner), joinedload(FundraisingPage.team))
        .order_by(waits, FundraisingPage.started_at.desc(), FundraisingPage.id.desc())
    )
    return session().scalars(query.limit(MOST_PAGES)).all()


def _with_a_picture(edition: Edition) -> Select[tuple[int]]:
    """Pages whose picture waits for somebody of ours."""
    pages = select(FundraisingPage.id).where(FundraisingPage.edition_id == edition.id)
    return select(PagePicture.page_id).where(PagePicture.state == "waiting", PagePicture.page_id.in_(pages))


def _teams(edition: Edition, of_pages: dict[int, Money]) -> list[tuple[Team, int]]:
    """Each with what its pages brought together."""
    query = (
        select(Team, FundraisingPage.id)
        .outerjoin(FundraisingPage, FundraisingPage.team_id == Team.id)
        .where(Team.edition_id == edition.id)
        .order_by(Team.name, Team.id)
    )
    sums: dict[Team, int] = {}
    for team, page in session().execute(query):
        sums[team] = sums.get(team, 0) + (of_pages[page].amount if page in of_pages else 0)
    return list(sums.items())


@dataclass(frozen=True)
class Bar:
    """A goal as its bar shows it."""

    id: int
    share: int
    told: str

    @classmethod
    def of(cls, goal: Goal, counter: Counter) -> Bar:
        reached = goal.reached(counter.public.amount, counter.supporters)
        share = max(100 * reached // goal.target, 0)
        if goal.kind == "amount":
            told = _("%(share)s%% of %(goal)s", share=share, goal=money(Money(goal.target, counter.currency)))
        elif goal.kind == "supporters":
            told = _("%(reached)s of %(goal)s supporters", reached=number(reached), goal=number(goal.target))
        else:
            told = _(
                "%(reached)s of %(goal)s: %(unit)s, at %(cost)s each", reached=number(reached),
                goal=number(goal.target), unit=goal.unit, cost=money(Money(goal.unit_cost or 0, counter.currency)),
            )  # fmt: skip
        return cls(goal.id, share, told)

    @property
    def wide(self) -> int:
        return min(self.share, 100)


def bars_of(edition: Edition, counter: Counter) -> list[Bar]:
    """Its goals in money first."""
    return [Bar.of(goal, counter) for goal in sorted(edition.goals, key=lambda goal: GOALS.index(goal.kind))]


def _curve(edition: Edition) -> Chart | None:
    """What was in the public figure at the end of each day; of many days those that fit."""
    steps = curve(session(), edition, min(clock.today(), edition.ends_on - timedelta(days=1)))
    if len(steps) < 2:
        return None
    steps = steps[:: -max(1, -(-len(steps) // POINTS))][::-1]  # the last day is always one of them
    every = -(-len(steps) // 7)
    labels = ["" if index % every else f"{on.day}-{on.month}" for index, (on, _sum) in enumerate(steps)]
    write = partial(whole_money, currency=edition.currency)
    chart = Chart(
        _("The counter, day by day"), labels, [Series(_("Counter"), [amount.amount for _on, amount in steps])],
        kind="lines", write=write, write_short=partial(short_money, currency=edition.currency), of=_("Day"),
        id="days",
    )  # fmt: skip
    chart.labels = [day(on, "medium") for on, _sum in steps]  # under the axis there is no room for all of them
    for line in chart.lines:
        line["dots"] = [
            (chart.x(index), chart.y(amount.amount), f"{chart.labels[index]}: {write(amount.amount)}")
            for index, (_on, amount) in enumerate(steps)
        ]
    return chart
