"""What somebody does to an edition: its next step, its matches, people's pages, and money that comes by hand."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import bp
from admin.i18n import day
from admin.i18n import gettext as _
from admin.kit.documents import download
from admin.kit.forms import saving
from admin.pages.edition_desk import do, found, part_of, sure
from admin.pages.edition_matches import terms_of
from admin.pages.editions import days_of
from campaigns.crowdfunding.match import Match
from campaigns.crowdfunding.offline import OfflineMoney
from campaigns.crowdfunding.page import FundraisingPage
from supporters import audit
from supporters.errors import NotFound
from supporters.money import Money

# --- its next step ---------------------------------------------------------------------------------------------


@bp.post("/editions/<slug>/approve")
@needs("crowdfunding.approve")
def edition_approve(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    return do(edition, lambda s: edition.approve(s, by=current_actor(), now=clock.now()), _("It is approved."))


@bp.post("/editions/<slug>/<any(pause, resume):verb>")
@needs("crowdfunding.edit")
def edition_move(slug: str, verb: str) -> ResponseReturnValue:
    edition = found(slug)
    said = _("The public no longer sees it.") if verb == "pause" else _("The public sees it again.")
    return do(edition, lambda s: edition.move(s, verb, by=current_actor(), now=clock.now()), said)


@bp.route("/editions/<slug>/launch", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_launch(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    return sure(
        edition,
        lambda s: edition.move(s, "launch", by=current_actor(), now=clock.now()),
        _("Everybody sees it now."),
        title=_("Launch “%(title)s”", title=edition.title),
        question=_("Everybody can see it from then on:"),
        points=[
            _("Gifts of these days count: %(days)s.", days=days_of(edition.starts_on, edition.ends_on)),
            _("Its goals, its purpose and what happens with a surplus stay as they are."),
        ],
        button=_("Launch it"),
    )


@bp.route("/editions/<slug>/end", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_end(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    return sure(
        edition,
        lambda s: edition.move(s, "end", by=current_actor(), now=clock.now()),
        _("It has ended."),
        title=_("End “%(title)s”", title=edition.title),
        question=_("It is over, and cannot be started again:"),
        points=[
            _("It takes no new goals, matches or pages."),
            _("A gift of its days still counts when it comes in later."),
        ],
        button=_("End it"),
        danger=True,
    )


# --- a sponsor's match -----------------------------------------------------------------------------------------


@bp.route("/editions/<slug>/matches/<int:match_id>/announce", methods=["GET", "POST"])
@needs("crowdfunding.approve")
def edition_match_announce(slug: str, match_id: int) -> ResponseReturnValue:
    edition = found(slug)
    match: Match = part_of(edition, Match, match_id)
    return sure(
        edition,
        lambda s: match.approve(s, by=current_actor(), now=clock.now()),
        _("The match is announced."),
        title=_("Announce “%(title)s”", title=match.title),
        question=_("%(sponsor)s adds to what others give, at most:", sponsor=match.sponsor.name),
        points=terms_of(match),
        total=Money(match.most, edition.currency),
        button=_("Announce it"),
    )


# --- people's pages --------------------------------------------------------------------------------------------


@bp.post("/editions/<slug>/pages/<int:page_id>")
@needs("crowdfunding.edit")
def edition_page_check(slug: str, page_id: int) -> ResponseReturnValue:
    """Somebody of ours looked at it."""
    edition = found(slug)
    page: FundraisingPage = part_of(edition, FundraisingPage, page_id)
    state = request.form.get("state", "")
    if state not in ("live", "hidden"):
        raise NotFound("There is no decision “%(decision)s”.", decision=state[:20])
    if state == "hidden":
        said = _("The page is hidden; its gifts still count.")
    else:
        said = _("Everybody sees the page now.") if page.state != "live" else _("You have seen what changed.")
    return do(
        edition, lambda s: page.check(s, state, by=current_actor(), now=clock.now()), said, anchor="pages"
    )  # fmt: skip


# --- money that comes by hand ----------------------------------------------------------------------------------


@bp.post("/editions/<slug>/offline/<int:money_id>/count")
@needs("crowdfunding.edit")
def edition_offline_count(slug: str, money_id: int) -> ResponseReturnValue:
    edition = found(slug)
    row: OfflineMoney = part_of(edition, OfflineMoney, money_id)
    return do(
        edition, lambda s: row.count_it(s, by=current_actor(), now=clock.now()), _("It counts as on its way."),
        anchor="offline",
    )  # fmt: skip


@bp.route("/editions/<slug>/offline/<int:money_id>/withdraw", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_offline_withdraw(slug: str, money_id: int) -> ResponseReturnValue:
    edition = found(slug)
    row: OfflineMoney = part_of(edition, OfflineMoney, money_id)
    return sure(
        edition,
        lambda s: row.withdraw(s, by=current_actor(), now=clock.now()),
        _("It is withdrawn."),
        title=_("Withdraw offline money"),
        question=_("%(place)s, handed in on %(day)s:", place=row.place, day=day(row.handed_on)),
        points=[
            _("The counter goes down by this amount.")
            if row.state == "counted"
            else _("It was not on the counter yet, and will not come on it."),
            _("It stays in the list as withdrawn."),
        ],
        total=Money(row.amount, edition.currency),
        button=_("Withdraw it"),
        danger=True,
    )


@bp.post("/editions/<slug>/offline/<int:money_id>/document")
@needs("crowdfunding.edit")
def edition_offline_document(slug: str, money_id: int) -> ResponseReturnValue:
    """There can be names on it, so that looking leaves a trace: a button and not a link."""
    edition = found(slug)
    row: OfflineMoney = part_of(edition, OfflineMoney, money_id)
    with saving() as saved:
        audit.record(saved, current_actor(), "see", row, now=clock.now(), edition=edition.slug)
    return download(row.document_id)
