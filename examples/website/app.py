"""A small site of a charity that uses the library as its users would: a form for supporters, a petition, the screens.

Run it with ``flask --app examples/website/app.py start`` and then ``flask --app examples/website/app.py run``.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import click
from flask import Flask, Response, abort, current_app, redirect, render_template, request, send_from_directory, url_for
from flask.cli import with_appcontext
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from admin import Admin
from campaigns import Campaign, Campaigns, Edition, Petition
from supporters import (
    Actor,
    Announcement,
    BadInput,
    Commitment,
    CreditorAccount,
    Document,
    ExternalReference,
    Fund,
    Mandate,
    Money,
    NotFound,
    Supporter,
    Supporters,
    migrations,
)

STATIC_PAGES = Path(__file__).parent.parent / "static"

db = SQLAlchemy()  # the site's own: its models and the library's share one session
achterban = Supporters()
campaigns = Campaigns()

AMOUNTS = ("5,00", "10,00", "25,00")
INTERVALS = {"month": "each month", "quarter": "each quarter", "year": "each year"}


def create_app(**settings: object) -> Flask:
    app = Flask(__name__, instance_path=settings.pop("instance_path", None))
    app.config.from_mapping(SQLALCHEMY_DATABASE_URI=f"sqlite:///{Path(app.instance_path) / 'website.sqlite'}")
    app.config.from_prefixed_env()
    app.config.from_mapping(settings)
    Path(app.instance_path).mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    achterban.init_app(app, db)
    campaigns.init_app(app, db)
    Admin(app, db, url_prefix="/admin")
    app.add_url_rule("/", "home", home, methods=["GET", "POST"])
    app.add_url_rule("/thanks", "thanks", thanks)
    # Where the petitions are served from: this site itself, unless another address is given.
    app.config.setdefault("PETITIONS_HOST", "")
    app.add_url_rule("/petition/<slug>", "petition", petition)
    app.add_url_rule("/petition/<slug>/element", "petition_element", petition_element)
    app.add_url_rule("/action/<slug>", "action", action)
    app.add_url_rule("/donate", "donate", donate)
    app.add_url_rule("/plain/<path:name>", "plain", plain)
    app.cli.add_command(start)
    return app


def home() -> ResponseReturnValue:
    """The form; a mistake is shown beside its field, with what would be right."""
    today = achterban.today()
    form = {"key": uuid4().hex, "amount": "10,00", "every": "month", "source": request.args.get("source", "")}
    form |= request.form.to_dict()
    error = None
    if request.method == "POST":
        try:
            become_a_supporter(form, today)
        except BadInput as mistake:
            db.session.rollback()
            error = mistake
        else:
            db.session.commit()
            return redirect(url_for("thanks"))
    campaign = Campaign.of(db.session, form["source"])
    page = render_template(
        "home.html", form=form, error=error, amounts=AMOUNTS, intervals=INTERVALS, first=first_debit(today),
        campaign=campaign, income=campaign and campaign.income(db.session), creditor=db.session.scalar(creditor()),
        running=running(),
    )  # fmt: skip
    return page, 422 if error else 200


def become_a_supporter(form: dict[str, str], today: date) -> None:
    """A supporter, the mandate they gave with its evidence, their commitment and its announcement: all or nothing."""
    if ExternalReference.resolve(db.session, "website", form["key"]):
        return  # The button was pressed twice.
    now, by = achterban.now(), Actor("visitor", "become a supporter", "website")
    if "agreed" not in form:
        raise BadInput("Tick the box: without it we may not debit your account.", field="agreed")
    if form["every"] not in INTERVALS:
        raise BadInput("Choose how often.", field="every")
    money = Money.parse(form["amount"])
    if money < Money.eur("2.50"):
        raise BadInput("The least we can debit is %(least)s.", field="amount", least="€ 2,50")
    supporter = Supporter.welcome(
        db.session, form.get("email") or None, first_name=form.get("first_name", ""), surname=form.get("surname", ""),
        source_code=form["source"] or None, reference=("website", form["key"]), by=by, now=now, on=today,
    )  # fmt: skip
    account = db.session.scalars(creditor()).one()
    # What they agreed to is kept. A site that lets the bank confirm it (iDEAL, iDIN) has stronger evidence than this.
    evidence = Document.store(
        db.session, [json.dumps(form).encode()], kind="mandate", filename=f"{form['key']}.json",
        media_type="application/json", supporter_id=supporter.id, by=by, now=now,
    )  # fmt: skip
    mandate = Mandate.sign(
        db.session, supporter, form.get("iban", ""), creditor_identifier=account.identifier, signed_on=today,
        evidence_kind="emandate", document_id=evidence.id, by=by, now=now,
    )  # fmt: skip
    commitment = Commitment.start(
        db.session, supporter, money, every=form["every"], start_on=first_debit(today), mandate=mandate,
        source_code=form["source"] or None, by=by, now=now,
    )  # fmt: skip
    # The form named the amount and the first date, long enough ahead: that is the announcement.
    Announcement.make(db.session, commitment, on=today, channel="agreement", evidence=form["key"], by=by, now=now)
    supporter.index(db.session)


def thanks() -> ResponseReturnValue:
    return render_template("thanks.html")


def petition(slug: str) -> ResponseReturnValue:
    """The form and the counter by the macros: they work without a script, and a script makes the counter live."""
    try:
        found = campaigns.petition(slug, request.args.get("lang"))
    except NotFound:
        abort(404)
    return render_template(
        "petition.html", petition=found, reader=found.reader, source=request.args.get("source", ""),
        host=petitions_host(),
    )  # fmt: skip


def petition_element(slug: str) -> ResponseReturnValue:
    """The custom element alone: all that a site needs which is no Flask site."""
    return render_template(
        "petition_element.html",
        slug=slug,
        host=petitions_host(),
        locale="en" if request.args.get("lang") == "en" else "nl",
    )


def action(slug: str) -> ResponseReturnValue:
    """How an edition stands, or with ``?page=`` somebody's own page in it, and where to give to it."""
    try:
        found = campaigns.crowdfunding(slug, request.args.get("lang"), page=request.args.get("page", ""))
    except NotFound:
        abort(404)
    return render_template("action.html", action=found)


def running() -> Edition | None:
    """The edition that the public can give to now."""
    today = achterban.today()
    runs = Edition.state == "live", Edition.starts_on <= today, Edition.ends_on > today
    return db.session.scalar(select(Edition).where(*runs).order_by(Edition.starts_on.desc()).limit(1))


def donate() -> str:
    """The form for giving, where SUPPORTERS_GATEWAYS names who takes the money; the template does it all."""
    return render_template("donate.html")


def petitions_host() -> str:
    return current_app.config["PETITIONS_HOST"] or request.host_url.rstrip("/")


def plain(name: str) -> Response:
    """The static pages of examples/static, which any web server can serve."""
    return send_from_directory(STATIC_PAGES, name)


def first_debit(today: date) -> date:
    """The first of a month that is at least three weeks away, so that everybody knows in time."""
    day = today + timedelta(days=21)
    return date(day.year + day.month // 12, day.month % 12 + 1, 1) if day.day > 1 else day


def creditor() -> object:
    return select(CreditorAccount).where(CreditorAccount.is_active).order_by(CreditorAccount.id).limit(1)


@click.command("start")
@with_appcontext
def start() -> None:
    """Make the tables, a fund, an account to collect on, a campaign and a petition, where they are not there yet."""
    migrations.upgrade(db.engine)
    by, now = Actor.job("start"), achterban.now()
    if not db.session.scalar(select(Fund)):
        Fund.open(db.session, "general", "General fund")
    if not db.session.scalar(creditor()):
        CreditorAccount.open(
            db.session, "Stichting Voorbeeld", "NL69ZZZ123456780000", "NL44RABO0123456789", bic="RABONL2U"
        )
    if not db.session.scalar(select(Campaign)):
        Campaign.open(db.session, "spring", "The spring appeal", started_on=achterban.today(), by=by, now=now)
    if not db.session.scalar(select(Petition)):
        here = ["http://127.0.0.1:5000", "http://127.0.0.1:8000"]
        draft = Petition.draft(
            db.session, "iedereen-doet-mee", "Laat iedereen meedoen",
            "Wie hier woont, hoort erbij.\n\n**Wij vragen** dat iedereen vanaf dag één mag meedoen.",
            "de Tweede Kamer", by=by, now=now, goals=[1_000, 5_000], allowed_origins=here,
            return_urls=[f"{site}/*" for site in here],
        )  # fmt: skip
        draft.open(db.session, by=by, now=now)
    db.session.commit()
    click.echo("Ready. Make somebody who may sign in: flask admin create you@example.org")
