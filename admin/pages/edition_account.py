"""The account of an edition: making it up, giving it to the public, and where each euro came from and went."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy, locale, money, ngettext
from admin.kit.lists import Column, Filter, listing
from admin.labels import choices, label
from admin.pages.edition_desk import crumbs, found, sure
from admin.pages.editions import bars_of, days_of, to_edition
from admin.pages.gifts import to_gift
from campaigns.crowdfunding.counter import KINDS, STAGES, CounterEntry
from campaigns.crowdfunding.page import FundraisingPage
from campaigns.crowdfunding.report import Account
from campaigns.crowdfunding.settling import Outlook, settle
from campaigns.edition import Edition
from supporters.money import Money
from supporters.spreadsheet import harmless


@bp.route("/editions/<slug>/settle", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_settle(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    outlook = Outlook.of(session(), edition)
    return sure(
        edition,
        lambda s: settle(s, edition, by=current_actor(), now=clock.now()),
        _("Its account is made up."),
        title=_("Make up the account of “%(title)s”", title=edition.title),
        question=_("Givers brought, without what sponsors add:"),
        total=outlook.brought,
        points=_outlook(outlook),
        button=_("Make it up"),
    )


def _outlook(outlook: Outlook) -> list[str]:
    goal = money(outlook.goal)
    points = [
        _("The goal of %(goal)s was reached.", goal=goal)
        if outlook.brought.amount >= outlook.goal.amount
        else _("The goal of %(goal)s was not reached.", goal=goal)
    ]
    for match in outlook.lapsing:
        points.append(
            _(
                "“%(title)s” lapses: its condition was not met, and %(given)s leaves what is promised.",
                title=match.title, given=money(Money(match.given, outlook.brought.currency)),
            )
        )  # fmt: skip
    if outlook.gives_back:
        points.append(_("All or nothing was said: giving the gifts back becomes a task."))
    if outlook.waits:
        points.append(
            ngettext(
                "%(num)s piece of offline money is still on its way: until it is found or withdrawn this is refused.",
                "%(num)s pieces of offline money are still on their way: until they are found or withdrawn this is"
                " refused.", outlook.waits,
            )
        )  # fmt: skip
    return [*points, _("A gift of its days that comes in later still counts; the account then shows it.")]


@bp.route("/editions/<slug>/report", methods=["GET", "POST"])
@needs("crowdfunding.edit")
def edition_report(slug: str) -> ResponseReturnValue:
    edition = found(slug)
    return sure(
        edition,
        lambda s: edition.move(s, "report", by=current_actor(), now=clock.now()),
        _("It is accounted for."),
        title=_("“%(title)s” is accounted for", title=edition.title),
        question=_("Say so once the public was told what it brought, and what was done with it."),
        points=[_("Send the account along, or put it on your site: it can be printed and downloaded.")],
        button=_("The public was told"),
    )


# --- as of a day -----------------------------------------------------------------------------------------------


def _as_of() -> date:
    """The day that was asked for; what is no day is today."""
    try:
        return date.fromisoformat(request.args.get("on", ""))
    except ValueError:
        return clock.today()


@bp.get("/editions/<slug>/account")
@needs("crowdfunding.see")
def edition_account(slug: str) -> ResponseReturnValue:
    edition, on = found(slug), _as_of()
    account = Account.of(session(), edition, on)
    return render_template(
        "achterban/edition_account.html", edition=edition, account=account, on=on, crumbs=crumbs(edition),
        days=days_of(edition.starts_on, edition.ends_on),
        names={each.placement.code: each.placement.name for each in account.placements},
        cents=lambda amount: Money(amount, edition.currency), goals=bars_of(edition, account.counter),
    )  # fmt: skip


@bp.get("/editions/<slug>/account.<any(csv, json):what>")
@needs("crowdfunding.see")
def edition_account_file(slug: str, what: str) -> ResponseReturnValue:
    """Sums and no people: a file of it leaves no name anywhere."""
    edition, on = found(slug), _as_of()
    account = Account.of(session(), edition, on)
    if what == "json":
        body, kind = json.dumps(account.to_json(), indent=2, ensure_ascii=False), "application/json"
    else:
        body, kind = _csv(account), "text/csv"
    name = f"{edition.slug}-{on.isoformat()}.{what}"
    return Response(body, mimetype=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _csv(account: Account) -> str:
    """One table: each part of the counter, what each placement cost, what each fund got."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        [_("Part"), _("Name"), _("State"), _("What proves it"), _("Placement"), _("How many"), _("Amount"), _("Cost")]
    )
    for row in _rows(account):
        writer.writerow([*map(harmless, row[:5]), *row[5:]])  # a sum below zero stays a number
    return "\ufeff" + buffer.getvalue()


def _rows(account: Account) -> Iterator[list[Any]]:
    names = {each.placement.code: each.placement.name for each in account.placements}
    for line in account.sources:
        yield [
            _("Counter"), label("counted_kind", line.kind), label("edition_stage", line.stage),
            label("counted_evidence", line.evidence), names.get(line.source, line.source), line.entries,
            _decimal(line.amount), "",
        ]  # fmt: skip
    for spent in account.placements:
        kind = label("placement_kind", spent.placement.kind)
        yield [_("Placement"), spent.placement.name, kind, "", "", "", _decimal(spent.received), _decimal(spent.cost)]
    for use in account.uses:
        state = _("Counts") if use.counts else _("Does not count")
        yield [_("Fund"), use.fund.name, state, "", "", use.gifts, _decimal(use.amount), ""]


def _decimal(amount: Money) -> str:
    digits = f"{amount.decimal:f}"
    return digits.replace(".", ",") if locale().language == "nl" else digits


# --- entry by entry --------------------------------------------------------------------------------------------


def _evidence(entry: CounterEntry) -> str:
    if entry.match_id is not None:
        return label("counted_evidence", "match")
    if entry.reversal_id is not None:
        return label("counted_evidence", "reversal")
    return label("counted_evidence", "document" if entry.offline_id is not None else "gift")


ENTRIES = listing(
    endpoint="edition_entries",
    title=lazy("Entries of the counter"),
    query=lambda: (
        select(CounterEntry, Edition, FundraisingPage)
        .join(Edition, Edition.id == CounterEntry.edition_id)
        .outerjoin(FundraisingPage, FundraisingPage.id == CounterEntry.page_id)
    ),
    key=CounterEntry.id,
    permission="crowdfunding.see",
    default_sort="on",
    empty=lazy("No entry is found with this."),
    columns=(
        Column(
            "on",
            lazy("Counts on"),
            lambda r: r[0].counted_on,
            "date",
            sort=CounterEntry.counted_on,
            descending=True,
        ),
        Column("edition", lazy("Edition"), lambda r: r[1].title, link=lambda r: to_edition(r[1])),
        Column("kind", lazy("How it came"), lambda r: label("counted_kind", r[0].kind)),
        Column("stage", lazy("State"), lambda r: label("edition_stage", r[0].stage)),
        Column("evidence", lazy("What proves it"), lambda r: _evidence(r[0])),
        Column(
            "gift",
            lazy("Gift"),
            lambda r: f"G{r[0].gift_id:07d}" if r[0].gift_id else "",
            link=lambda r: to_gift(r[0].gift_id) if r[0].gift_id else "",
        ),
        Column("page", lazy("Page"), lambda r: r[2].title if r[2] else ""),
        Column("amount", lazy("Amount"), lambda r: Money(r[0].amount, r[1].currency), "money"),
        Column("currency", lazy("Currency"), lambda r: r[1].currency, on_screen=False),
        Column("made", lazy("Written"), lambda r: r[0].made_at, "moment", on_screen=False),
        Column("key", lazy("Key"), lambda r: r[0].key, on_screen=False),
    ),
    filters=(
        Filter("edition", lazy("Edition"), lambda q, v: q.where(Edition.slug == v), "hidden"),
        Filter("from", lazy("From"), lambda q, v: q.where(CounterEntry.counted_on >= v), "date"),
        Filter("until", lazy("Until"), lambda q, v: q.where(CounterEntry.counted_on <= v), "date"),
        Filter(
            "stage",
            lazy("State"),
            lambda q, v: q.where(CounterEntry.stage == v),
            choices=lambda: choices("edition_stage", STAGES),
        ),
        Filter(
            "kind",
            lazy("How it came"),
            lambda q, v: q.where(CounterEntry.kind == v),
            choices=lambda: choices("counted_kind", KINDS),
        ),
    ),
)


@bp.get("/edition-entries")
@needs("crowdfunding.see")
def edition_entries() -> ResponseReturnValue:
    page = ENTRIES.page(session(), request.args)
    slug = page.args.get("edition")
    trail = crumbs(found(slug)) if slug else [(_("Crowdfunding"), url_for(f"{NAME}.editions"))]
    lead = _("Each line is a part of the counter with what proves it; lines are only added.")
    return render_template("achterban/list.html", page=page, crumbs=trail, lead=lead)
