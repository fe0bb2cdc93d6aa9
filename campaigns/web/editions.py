"""The API of an edition: its counter, for a thermometer on any page. Exact at the moment it names."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from campaigns.crowdfunding.counter import Counter
from campaigns.crowdfunding.listing import Listed, live_pages, pages_of, teams_of
from campaigns.crowdfunding.match import Match
from campaigns.crowdfunding.page import FundraisingPage, Team
from campaigns.crowdfunding.picture import PagePicture
from campaigns.crowdfunding.update import sent
from campaigns.crowdfunding.wall import SCREENFUL, latest
from campaigns.edition import SLUG, Edition
from campaigns.petitions.markdown import to_html
from campaigns.web import language
from campaigns.web.view import Desk, desk
from supporters.errors import AchterbanError, NotFound
from supporters.web import problems
from supporters.web.schemas import ProblemSchema

NAME = "achterban_editions_api"
bp = Blueprint(NAME, __name__, url_prefix="/api/editions", description="Crowdfunding: what it brought so far")
#: Seconds that a cache on the way may keep it.
_KEPT = 5
_MISSING = {
    status: {"description": why, "content": {"application/problem+json": {"schema": ProblemSchema}}}
    for status, why in ((404, "There is none"), (503, "The database does not answer"))
}


class GoalSchema(Schema):
    kind = fields.String(metadata={"description": "amount, supporters or impact"})
    target = fields.Integer(metadata={"description": "In cents for an amount."})
    unit = fields.String(metadata={"description": "What one unit of an impact goal is."})
    reached = fields.Integer()


class CounterSchema(Schema):
    currency = fields.String()
    counter_cents = fields.Integer(metadata={"description": "To show large: received and on its way."})
    received_cents = fields.Integer()
    on_its_way_cents = fields.Integer()
    promised_cents = fields.Integer(metadata={"description": "Not in the counter."})
    supporters = fields.Integer()
    as_at = fields.String(metadata={"description": "The moment that the numbers are exact for."})


class EditionMatchSchema(Schema):
    title = fields.String()
    percent = fields.Integer(metadata={"description": "Of a gift: 100 doubles it."})
    left_cents = fields.Integer(metadata={"description": "What there is still to double gifts with."})
    per_gift_cents = fields.Integer(allow_none=True, metadata={"description": "The most that it adds to one gift."})
    per_donor_cents = fields.Integer(allow_none=True, metadata={"description": "The most that it adds for one giver."})
    condition_cents = fields.Integer(allow_none=True, metadata={"description": "It stands where this much is reached."})
    until_on = fields.String(allow_none=True, metadata={"description": "First day whose gifts it no longer doubles."})


class ListedSchema(Schema):
    slug = fields.String()
    counter_cents = fields.Integer()
    target_cents = fields.Integer(allow_none=True)


class ListedPageSchema(ListedSchema):
    title = fields.String()
    team_slug = fields.String(allow_none=True)


class ListedTeamSchema(ListedSchema):
    name = fields.String()


class PostSchema(Schema):
    name = fields.String(allow_none=True, metadata={"description": "null: who gave did not say that it may be shown."})
    message = fields.String(allow_none=True)
    amount_cents = fields.Integer(allow_none=True)
    on = fields.String(metadata={"description": "The day of the gift."})
    page = fields.String(allow_none=True, metadata={"description": "The address of the page it was given at."})


class NewsSchema(Schema):
    title = fields.String()
    text_html = fields.String()
    at = fields.String()


class WallSchema(Schema):
    posts = fields.List(fields.Nested(PostSchema))
    next_before = fields.Integer(
        allow_none=True, metadata={"description": "Ask with it as “before” for those that came earlier; null: no more."}
    )


class EditionSchema(Schema):
    slug = fields.String()
    title = fields.String()
    story_html = fields.String(metadata={"description": "What it is about; empty where nobody wrote it."})
    campaign = fields.String(metadata={"description": "Its code, with which the source code of a gift begins."})
    fund = fields.String(metadata={"description": "The code of what its gifts are for."})
    state = fields.String()
    mode = fields.String(metadata={"description": "keep_it_all, all_or_nothing or conditional_match"})
    starts_on = fields.String()
    ends_on = fields.String(metadata={"description": "First day whose gifts no longer count."})
    surplus = fields.String()
    recurring_counts = fields.String(metadata={"description": "first, received or year: how gifts that return count."})
    counter = fields.Nested(CounterSchema)
    goals = fields.List(fields.Nested(GoalSchema))
    matches = fields.List(fields.Nested(EditionMatchSchema))
    page_count = fields.Integer(metadata={"description": "Of the pages everybody may see; “pages” has the largest."})
    pages = fields.List(fields.Nested(ListedPageSchema))
    teams = fields.List(fields.Nested(ListedTeamSchema))
    latest = fields.List(fields.Nested(PostSchema), metadata={"description": "What givers said may be seen."})
    updates = fields.List(fields.Nested(NewsSchema))


class FundraisingPageSchema(Schema):
    slug = fields.String()
    title = fields.String()
    story_html = fields.String()
    picture_url = fields.String(allow_none=True, metadata={"description": "null where there is none to show."})
    target_cents = fields.Integer(allow_none=True)
    team = fields.String(allow_none=True)
    team_slug = fields.String(allow_none=True)
    counter = fields.Nested(CounterSchema)
    latest = fields.List(fields.Nested(PostSchema), metadata={"description": "What givers said may be seen."})


class TeamSchema(Schema):
    slug = fields.String()
    name = fields.String()
    target_cents = fields.Integer(allow_none=True)
    counter = fields.Nested(CounterSchema)
    pages = fields.List(fields.Nested(ListedPageSchema))


@bp.get("/<slug>")
@bp.doc(operationId="getEdition", responses=_MISSING)
@bp.response(200, EditionSchema)
def edition(slug: str) -> Response:
    """An edition with its counter, its goals, and what its matches have left."""
    return _kept(slug)


@bp.get("/<slug>/pages/<page>")
@bp.doc(operationId="getFundraisingPage", responses=_MISSING)
@bp.response(200, FundraisingPageSchema)
def fundraising_page(slug: str, page: str) -> Response:
    """Somebody's own page, with what it brought."""
    return _kept(f"{slug}/{page}")


@bp.get("/<slug>/teams/<team>")
@bp.doc(operationId="getFundraisingTeam", responses=_MISSING)
@bp.response(200, TeamSchema)
def team(slug: str, team: str) -> Response:
    """A team, with what its pages brought together."""
    return _kept(f"{slug}/teams/{team}")


@bp.get("/<slug>/wall")
@bp.doc(
    operationId="getEditionWall", responses=_MISSING,
    parameters=[{"in": "query", "name": "before", "schema": {"type": "integer", "minimum": 1}}],
)  # fmt: skip
@bp.response(200, WallSchema)
def wall(slug: str) -> Response:
    """What givers said may be seen of their gifts, a screenful at a time, the newest first."""
    return _answer(desk().walls.get(f"{slug}:{before_of(request.args.get('before'))}"))


def before_of(text: str | None) -> str:
    """The number in a link to more of a wall; "" for the first, and for what is no number."""
    return text if text and text.isascii() and text.isdigit() and text[0] != "0" and len(text) < 16 else ""


def wall_of(session: Session, name: str) -> str:
    """A screenful of the wall, as JSON; ``name`` is the edition's address, a colon, and what comes before."""
    slug, _, before = name.partition(":")
    edition = public(session, slug)
    posts, following = latest(session, edition, before=int(before) if before else None, most=SCREENFUL)
    return json.dumps({"posts": [each.to_json() for each in posts], "next_before": following}, ensure_ascii=False)


def public(session: Session, slug: str) -> Edition:
    """An edition that everybody may see; raises NotFound for any other."""
    found = session.scalar(select(Edition).where(Edition.slug == slug)) if SLUG.fullmatch(slug) else None
    if found is None or not found.is_public:
        raise NotFound("There is no edition “%(slug)s”.", field="slug", slug=slug[:80])
    return found


def told(session: Session, name: str, at: Desk) -> str:
    """What the public may know of an edition, a page in it ("edition/page") or a team ("edition/teams/team"), as
    JSON.
    """
    slug, _, part = name.partition("/")
    is_address = all(SLUG.fullmatch(each) for each in name.split("/"))  # else the database need not look
    found = public(session, slug if is_address else name)
    if part.startswith("teams/"):
        body = _team(session, found, part.removeprefix("teams/"), at)
    else:
        body = _page(session, found, part, at) if part else _edition(session, found, at)
    return json.dumps(body, ensure_ascii=False)


def _edition(session: Session, edition: Edition, at: Desk) -> dict[str, Any]:
    counter = Counter.read(session, edition)
    today = at.supporters.settings.day_of(at.now())
    live = select(Match).where(Match.edition_id == edition.id, Match.state == "live").order_by(Match.id)
    return {
        "slug": edition.slug, "title": edition.title, "story_html": to_html(edition.story),
        "campaign": edition.campaign.code, "fund": edition.fund.code,
        "state": edition.state, "mode": edition.mode,
        "starts_on": edition.starts_on.isoformat(), "ends_on": edition.ends_on.isoformat(),
        "surplus": edition.surplus, "recurring_counts": edition.recurring, "counter": _counter(counter, at),
        "goals": [
            {
                "kind": goal.kind, "target": goal.target, "unit": goal.unit,
                "reached": goal.reached(counter.public.amount, counter.supporters),
            }
            for goal in edition.goals
        ],
        "matches": [
            {
                "title": match.title, "percent": match.percent, "left_cents": match.room,
                "per_gift_cents": match.per_gift, "per_donor_cents": match.per_donor,
                "condition_cents": match.condition, "until_on": match.until_on and match.until_on.isoformat(),
            }
            for match in session.scalars(live) if match.covers(today)
        ],
        "page_count": live_pages(session, edition),
        "pages": [_listed(each) for each in pages_of(session, edition)],
        "teams": [
            {"slug": each.slug, "name": each.title, "counter_cents": each.amount, "target_cents": each.target}
            for each in teams_of(session, edition)
        ],
        "latest": [each.to_json() for each in latest(session, edition)[0]],
        "updates": [
            {"title": each.title, "text_html": to_html(each.text), "at": str(each.sent_at and each.sent_at.isoformat())}
            for each in sent(session, edition)
        ],
    }  # fmt: skip


def _page(session: Session, edition: Edition, slug: str, at: Desk) -> dict[str, Any]:
    page = FundraisingPage.by_slug(session, edition, slug[:80])
    if page.state != "live":
        raise NotFound("There is no page “%(slug)s” in %(title)s.", field="page", slug=slug[:80], title=edition.title)
    return {
        "slug": page.slug, "title": page.title, "story_html": to_html(page.story), "target_cents": page.target,
        "team": page.team.name if page.team else None, "team_slug": page.team.slug if page.team else None,
        "picture_url": picture_url(session, edition, page, at),
        "counter": _counter(Counter.read(session, edition, of=page), at),
        "latest": [each.to_json() for each in latest(session, edition, page=page)[0]],
    }  # fmt: skip


def picture_url(session: Session, edition: Edition, page: FundraisingPage, at: Desk) -> str | None:
    """Where the picture of a page is; another picture has another address."""
    found = PagePicture.public(session, edition, page.slug)
    if found is None:
        return None
    return at.link("achterban_own_pages.picture", edition=edition.slug, page=page.slug, v=found.sha256[:8])


def _team(session: Session, edition: Edition, slug: str, at: Desk) -> dict[str, Any]:
    team = Team.by_slug(session, edition, slug[:80])
    return {
        "slug": team.slug, "name": team.name, "target_cents": team.target,
        "counter": _counter(Counter.read(session, edition, of=team), at),
        "pages": [_listed(each) for each in pages_of(session, edition, team=team)],
    }  # fmt: skip


def _listed(page: Listed) -> dict[str, Any]:
    return {
        "slug": page.slug, "title": page.title, "counter_cents": page.amount, "target_cents": page.target,
        "team_slug": page.team,
    }  # fmt: skip


def _counter(counter: Counter, at: Desk) -> dict[str, Any]:
    return {
        "currency": counter.currency, "counter_cents": counter.public.amount, "received_cents": counter.received.amount,
        "on_its_way_cents": counter.on_its_way.amount, "promised_cents": counter.promised.amount,
        "supporters": counter.supporters, "as_at": at.now().isoformat(timespec="milliseconds"),
    }  # fmt: skip


def _kept(name: str) -> Response:
    return _answer(desk().editions.get(name))


def _answer(body: str) -> Response:
    answer = Response(body, mimetype="application/json")
    answer.headers["Cache-Control"] = (
        f"public, max-age={_KEPT}, stale-while-revalidate={2 * _KEPT}, stale-if-error={60 * _KEPT}"
    )
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    return _not_kept(problems.problem(error, language.reader().translate))


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return problems.of_http(error)


def unavailable(error: Any) -> ResponseReturnValue:
    return _not_kept(problems.unavailable(error, language.reader().say))


def _not_kept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (edition, fundraising_page, team, wall):
    view_function.__dict__["public"] = True
