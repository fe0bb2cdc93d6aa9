"""Supporters: the list, the search box of every page, and the one page on which everything about a person stands."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import exists, func, select
from sqlalchemy.orm import selectinload

from admin import clock, timeline
from admin.access import may, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.lists import Column, Filter, listing
from admin.labels import choices
from supporters import Commitment, Gift, Money, Reversal, Supporter, Task
from supporters.errors import NotFound
from supporters.giving.gift import CATEGORY
from supporters.lifecycle.death import Death
from supporters.people import search as people_search
from supporters.people.bank_account import mask_iban


def to_supporter(supporter_id: int) -> str:
    return url_for(f"{NAME}.supporter", number=supporter_id)


def find(number: int) -> Supporter:
    """The supporter of this number; one that was merged leads to the survivor."""
    found = Supporter.find(session(), str(number))
    if found is None:
        raise NotFound("There is no supporter with number %(number)s.", number=f"S{number:07d}")
    return found


def _state(query: Any, value: str) -> Any:
    going = exists().where(Commitment.supporter_id == Supporter.id, Commitment.ended_on.is_(None))
    if value == "committed":
        return query.where(going)
    if value == "not_committed":
        return query.where(~going)
    return query.where(Supporter.death_reported_at.is_not(None))


def _badge(supporter: Supporter) -> tuple[str, str] | None:
    return (_("Has died"), "bad") if supporter.is_deceased else None


def _matching(query: Any, words: str) -> Any:
    found = people_search.matching(words)
    return query.where(Supporter.id.in_(found)) if found is not None else query


SUPPORTERS = listing(
    endpoint="supporters",
    title=lazy("Supporters"),
    query=lambda: select(Supporter).where(Supporter.merged_into_id.is_(None)),
    key=Supporter.id,
    permission="people.see",
    default_sort="name",
    empty=lazy("Nobody is found with this."),
    options=(selectinload(Supporter.contact_points),),
    columns=(
        Column("name", lazy("Name"), lambda s: s.name, link=lambda s: to_supporter(s.id), sort=Supporter.sort_name),
        Column("number", lazy("Number"), lambda s: s.number),
        Column("email", lazy("E-mail"), lambda s: s.email),
        Column("phone", lazy("Telephone"), lambda s: s.phone, on_screen=False),
        Column("street", lazy("Street"), lambda s: s.address.lines[0] if s.address else "", on_screen=False),
        Column("postcode", lazy("Postcode"), lambda s: s.address.postcode if s.address else ""),
        Column("city", lazy("Place"), lambda s: s.address.city if s.address else ""),
        Column("joined", lazy("Since"), lambda s: s.joined_on, "date", sort=Supporter.joined_on, descending=True),
        Column("state", lazy("State"), _badge, "badge"),
    ),
    filters=(
        Filter("q", lazy("Name, e-mail, IBAN, postcode or number"), _matching, "text"),
        Filter(
            "kind",
            lazy("Kind"),
            lambda q, v: q.where(Supporter.kind == v),
            choices=lambda: choices("kind_of_supporter"),
        ),
        Filter(
            "state",
            lazy("State"),
            _state,
            choices=lambda: [
                ("committed", _("With a commitment")),
                ("not_committed", _("Without a commitment")),
                ("deceased", _("Has died")),
            ],
        ),
        Filter("since", lazy("Since"), lambda q, v: q.where(Supporter.joined_on >= v), "date"),
    ),
)


@bp.get("/supporters")
@needs("people.see")
def supporters() -> ResponseReturnValue:
    page = SUPPORTERS.page(session(), request.args)
    actions = [(_("New supporter"), url_for(f"{NAME}.supporter_new"))] if may("people.edit") else []
    return render_template("achterban/list.html", page=page, actions=actions)


@bp.get("/search")
@needs("people.see")
def search() -> ResponseReturnValue:
    """What the box at the top asks: exactly one hit opens that page, else the list shows them."""
    words = request.args.get("q", "").strip()[:200]
    if not words:
        return redirect(url_for(f"{NAME}.supporters"))
    found = people_search.search(session(), words, limit=2)
    if len(found) == 1:
        return redirect(to_supporter(found[0].id))
    return redirect(url_for(f"{NAME}.supporters", q=words))


@bp.get("/supporters/<int:number>")
@needs("people.see")
def supporter(number: int) -> ResponseReturnValue:
    person = find(number)
    if person.id != number:
        return redirect(to_supporter(person.id))
    today = clock.today()
    commitments = list(
        session().scalars(
            select(Commitment)
            .where(Commitment.supporter_id == person.id)
            .options(
                selectinload(Commitment.terms),
                selectinload(Commitment.pauses),
                selectinload(Commitment.mandate),
                selectinload(Commitment.gateway_mandate),
                selectinload(Commitment.fund),
            )
            .order_by(Commitment.ended_on.is_not(None), Commitment.id.desc())
        )
    )
    entries, earlier = timeline.entries(session(), person, request.args.get("before"), request.args.get("show", "all"))
    tasks = session().scalars(
        select(Task).where(Task.supporter_id == person.id, Task.done_at.is_(None)).order_by(Task.id)
    )
    return render_template(
        "achterban/supporter.html",
        person=person,
        greeted_together=person.household.salutation(person.language, today) if person.household else "",
        housemates=[one for one in person.household.people(today) if one is not person] if person.household else [],
        commitments=commitments,
        giving=giving(person, today),
        entries=entries,
        earlier=earlier,
        shown=request.args.get("show", "all"),
        tasks=list(tasks),
        death=Death.standing(session(), person),
        iban=(lambda account: account.spaced) if may("people.private") else (lambda account: mask_iban(account.iban)),
    )


def giving(person: Supporter, today: date) -> dict[str, Any]:
    """The sums at the top, what went back taken off; one query."""
    back = select(func.sum(Reversal.amount)).where(Reversal.gift_id == Gift.id).correlate(Gift).scalar_subquery()
    net = Gift.amount - func.coalesce(back, 0)
    year_ago = today - timedelta(days=365)
    count, total, last = (
        session()
        .execute(
            select(func.count(), func.coalesce(func.sum(net), 0), func.max(Gift.received_on)).where(
                Gift.supporter_id == person.id, Gift.kind.in_(CATEGORY)
            )
        )
        .one()
    )
    recent = session().scalar(
        select(func.coalesce(func.sum(net), 0)).where(Gift.supporter_id == person.id, Gift.received_on > year_ago)
    )
    return {"count": count, "total": Money(int(total)), "last": last, "recent": Money(int(recent or 0))}
