"""``achterban edition``: the runs of campaigns, and ``achterban report crowdfunding``: where each euro came from."""

from __future__ import annotations

import json
from datetime import datetime

import click
from sqlalchemy import select

from campaigns.campaign import Campaign
from campaigns.crowdfunding.counter import Counter
from campaigns.crowdfunding.lift import Lift
from campaigns.crowdfunding.report import Account, edition_of
from campaigns.crowdfunding.settling import settle
from campaigns.edition import MODES, RECURRING, Edition
from campaigns.placement import AIRED, KINDS, Placement
from supporters.cli import extension, group
from supporters.cli.identity import as_option, signed_in
from supporters.cli.report import report
from supporters.errors import BadInput, Refused
from supporters.giving.fund import Fund
from supporters.money import Money

_DATE = click.DateTime(["%Y-%m-%d"])
_PERMISSION = "crowdfunding.edit"

commands = group("edition", help="The runs of campaigns: their goals, placements and counters.")


@commands.command("draft")
@click.argument("campaign")
@click.argument("slug")
@click.argument("title")
@click.option("--from", "starts_on", type=_DATE, required=True, help="First day whose gifts count.")
@click.option("--until", "ends_on", type=_DATE, required=True, help="First day whose gifts no longer count.")
@click.option("--goal", required=True, help="In money, such as 50000.00.")
@click.option("--fund", required=True, help="What it is for.")
@click.option("--follow-on-fund", help="What late gifts are for (default: the same).")
@click.option("--surplus", required=True, help="What happens with what is more than the goal.")
@click.option("--story", default="", help="What it is about, in Markdown.")
@click.option("--mode", type=click.Choice(MODES), default="keep_it_all", show_default=True)
@click.option("--recurring", type=click.Choice(RECURRING), default="received", show_default=True)
@as_option
def draft(
    campaign: str, slug: str, title: str, starts_on: datetime, ends_on: datetime, goal: str, fund: str,
    follow_on_fund: str | None, surplus: str, story: str, mode: str, recurring: str, email: str,
) -> None:  # fmt: skip
    """Draft an edition of CAMPAIGN; somebody else approves it before it is launched."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    edition = Edition.draft(
        session, Campaign.by_code(session, campaign), slug, title, starts_on=starts_on.date(), ends_on=ends_on.date(),
        fund=Fund.by_code(session, fund), surplus=surplus, story=story, mode=mode, recurring=recurring, by=actor,
        now=now,
        follow_on_fund=Fund.by_code(session, follow_on_fund) if follow_on_fund else None,
    )  # fmt: skip
    edition.aim(session, _money(goal, "goal").amount, by=actor, now=now)
    session.commit()
    click.echo(f"{edition.title} is a draft; another colleague approves it: achterban edition approve {slug}")


@commands.command("approve")
@click.argument("slug")
@as_option
def approve(slug: str, email: str) -> None:
    """Say yes as the second person."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, "crowdfunding.approve")
    edition = Edition.by_slug(session, slug)
    edition.approve(session, by=actor, now=now)
    session.commit()
    click.echo(f"{edition.title} is approved.")


def _mover(verb: str, help: str) -> None:
    @commands.command(verb, help=help)
    @click.argument("slug")
    @as_option
    def move(slug: str, email: str) -> None:
        session, now = extension().session, extension().now()
        actor = signed_in(email, _PERMISSION)
        edition = Edition.by_slug(session, slug)
        if verb == "settle":
            settle(session, edition, by=actor, now=now)
        else:
            edition.move(session, verb, by=actor, now=now)
        session.commit()
        click.echo(f"{edition.title} is {edition.state}.")


for _verb, _help in (
    ("launch", "Show it to the public."),
    ("pause", "Take it from the public for a while; gifts still count."),
    ("resume", "Show it again."),
    ("end", "It is over."),
    ("settle", "Its account is made up."),
    ("report", "Its account was given to the public."),
):
    _mover(_verb, _help)


@commands.command("list")
def list_() -> None:
    """List the editions, newest first, with their counters."""
    session = extension().session
    for edition in session.scalars(select(Edition).order_by(Edition.starts_on.desc(), Edition.id)):
        counter = Counter.read(session, edition)
        days = f"{edition.starts_on} – {edition.ends_on}"
        click.echo(f"{edition.slug}  {edition.title}  {days}  {edition.state}  {counter.public}")


@commands.command("place")
@click.argument("slug")
@click.argument("code")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), required=True)
@click.option("--cost", default="0.00", show_default=True)
@click.option("--aired", type=click.DateTime(["%Y-%m-%d %H:%M"]), help=f"When it was on the air ({', '.join(AIRED)}).")
@as_option
def place(slug: str, code: str, name: str, kind: str, cost: str, aired: datetime | None, email: str) -> None:
    """Note an ad, spot, post, flyer or mailing of the edition SLUG, and print what it is recognised by."""
    session, now = extension().session, extension().now()
    actor = signed_in(email, _PERMISSION)
    placement = Placement.place(
        session, Edition.by_slug(session, slug), code, name, kind=kind, cost=_money(cost, "cost"), by=actor, now=now,
        aired_at=aired.replace(tzinfo=extension().settings.timezone) if aired else None,
    )  # fmt: skip
    session.commit()
    click.echo(f"Source code {placement.source_code}; reference for transfers {placement.reference}")
    click.echo(f"Short address {extension().settings.public_url}{placement.short_path}")


@commands.command("lift")
@click.argument("slug")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def lift(slug: str, code: str, as_json: bool) -> None:
    """What the spot CODE of the edition SLUG seems to have brought besides what is known: an estimate."""
    session = extension().session
    placement = Placement.by_code(session, Edition.by_slug(session, slug), code)
    found = Lift.of(session, placement, zone=extension().settings.timezone, now=extension().now())
    if found is None:
        raise Refused(
            "It can be told of a spot on radio or tv once its two hours are over, and where at least two other weeks of"
            " the edition had the same hours without a spot."
        )
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    click.echo(
        f"{found.seen} online gifts of which nothing tells what brought them; usual is {found.usual:.1f}"
        f" (over {found.windows} weeks)"
    )
    click.echo(f"{found.more:+.1f}, with 95 % confidence from {found.low:+.1f} to {found.high:+.1f}: an estimate")
    if found.together:
        click.echo(f"on the air in the same hours: {', '.join(found.together)}")


@report.command("crowdfunding")
@click.argument("slug")
@click.option("--on", type=_DATE, help="As it stood at the end of that day (default: today).")
@click.option("--json", "as_json", is_flag=True, help="For a program to read; amounts in cents.")
def account(slug: str, on: datetime | None, as_json: bool) -> None:
    """The counter of the edition or campaign SLUG: every part with its kind, evidence and source."""
    session = extension().session
    day = on.date() if on else extension().today()
    found = Account.of(session, edition_of(session, slug, day), day)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    edition, counter = found.edition, found.counter
    click.echo(f"{edition.title} at the end of {day}: {counter.public} from {counter.supporters} supporters")
    click.echo(f"received {counter.received}, on its way {counter.on_its_way}, promised {counter.promised}")
    for goal in edition.goals:
        reached = goal.reached(counter.public.amount, counter.supporters)
        if goal.kind == "amount":
            click.echo(f"goal {Money(goal.target, edition.currency)}: {100 * reached // goal.target} %")
        else:
            click.echo(f"goal {goal.target} {goal.unit or goal.kind}: {reached}")
    click.echo(f"\n{'stage':<12}{'kind':<14}{'evidence':<10}{'source':<24}{'entries':>9}{'amount':>18}")
    for each in found.sources:
        click.echo(
            f"{each.stage:<12}{each.kind:<14}{each.evidence:<10}{each.source or '–':<24}{each.entries:>9}"
            f"{each.amount!s:>18}"
        )
    if found.placements:
        click.echo(f"\n{'placement':<24}{'kind':<12}{'cost':>16}{'received':>18}{'cost per euro':>16}")
        for spent in found.placements:
            ratio = "–" if spent.cents_per_euro is None else f"{spent.cents_per_euro / 100:.2f}"
            click.echo(
                f"{spent.placement.code:<24}{spent.placement.kind:<12}{spent.cost!s:>16}{spent.received!s:>18}{ratio:>16}"
            )


def _money(text: str, field: str) -> Money:
    try:
        return Money.eur(text)
    except ValueError as error:
        raise BadInput("“%(text)s” is not an amount, such as 50000.00.", field=field, text=text[:40]) from error
