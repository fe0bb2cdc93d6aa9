"""*Samen voor gezinnen*, from autumn 2021: its earlier edition, ads and spots, a sponsor, pages, a box with cash."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

from PIL import Image, ImageDraw
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from admin.demo import givers
from admin.demo.gifts import CROWDFUNDING, PLACEMENTS
from admin.demo.plan import EMERGENCY, GENERAL, Plan, at
from admin.demo.runs import ANNA, BRAM
from campaigns.campaign import Campaign
from campaigns.credit import Credit, credit_gifts
from campaigns.crowdfunding.match import Match
from campaigns.crowdfunding.offline import OfflineMoney
from campaigns.crowdfunding.page import FundraisingPage, Team, owner_of
from campaigns.crowdfunding.picture import PagePicture
from campaigns.crowdfunding.settling import settle
from campaigns.edition import Edition
from campaigns.placement import Placement
from supporters.documents import Document
from supporters.giving.fund import Fund
from supporters.giving.gift import Gift
from supporters.mail.message import OutboxMessage
from supporters.money import Money
from supporters.people.supporter import Supporter

#: Code → kind, what colleagues call it, what it cost in euros, when it was on the air.
PLACED = {
    "nieuwsbrief": ("email", "Nieuwsbrief van oktober", 250, None),
    "trouw": ("newspaper", "Trouw, pagina 3", 4_800, None),
    "radio-2": ("radio", "NPO Radio 2, 20 seconden", 3_600, at(date(2021, 11, 8), 6, 40)),
    "npo-1": ("tv", "NPO 1, na het journaal", 9_500, at(date(2021, 11, 21), 19, 28)),
    "facebook": ("post", "Facebook en Instagram", 2_100, None),
    "flyer": ("flyer", "Flyer op de markten", 900, None),
}
STORY = (
    "Wie vlucht, laat vaak man, vrouw of kinderen achter. Soms duurt het **jaren** voor een gezin weer samen is.\n\n"
    "Uw gift betaalt de reis, de papieren en de hulp daarbij. Met € 1.200 is één gezin herenigd."
)
SURPLUS = "Wat meer binnenkomt, gaat naar de hereniging van volgende gezinnen."
PAGES = (
    (
        "sanne-loopt",
        "Sanne loopt de Dam tot Damloop",
        "Ik loop **zestien kilometer** voor gezinnen.",
        750,
    ),
    ("koor-zingt", "Ons koor zingt gezinnen bij elkaar", "Elke repetitie gaat de pet rond.", 1_200),
    ("taarten", "Taarten voor Samen voor gezinnen", "Voor elke taart gaat tien euro naar een gezin.", None),
)


def run(session: Session, plan: Plan) -> None:
    campaign = Campaign.open(
        session, CROWDFUNDING, "Samen voor gezinnen", started_on=date(2020, 10, 1), by=ANNA, now=at(date(2020, 9, 14))
    )
    _edition(session, campaign, plan, 2020, goal=30_000, until=date(2021, 2, 1))
    edition = _edition(session, campaign, plan, 2021, goal=75_000, until=date(2022, 3, 1))
    edition.aim(session, _scaled(plan, 100_000).amount, by=ANNA, now=at(date(2021, 9, 20)))
    edition.aim(
        session, 75, kind="impact", unit="gezin herenigd", unit_cost=_scaled(plan, 1_200), by=ANNA,
        now=at(date(2021, 9, 20)),
    )  # fmt: skip
    sponsor = session.scalars(
        select(Supporter).where(Supporter.kind == "organisation").order_by(Supporter.id).limit(1)
    ).one()
    match = Match.promise(
        session, edition, sponsor, "Tot Sinterklaas telt elke euro dubbel", _scaled(plan, 25_000),
        most=_scaled(plan, 20_000), per_gift=Money.eur("25.00"), from_on=date(2021, 11, 15), until_on=date(2021, 12, 6),
        by=ANNA, now=at(date(2021, 11, 10)),
    )  # fmt: skip
    session.flush()
    match.approve(session, by=BRAM, now=at(date(2021, 11, 12)))
    brought = Gift.source_code.startswith(CROWDFUNDING, autoescape=True)
    ids = session.scalars(select(Gift.id).where(brought).order_by(Gift.received_on, Gift.id)).all()
    credit_gifts(session, gift_ids=ids, by=ANNA, now=at(date(2021, 12, 31), 20))
    _pages(session, edition)
    receipt = Document.store(
        session, [b"Stortingsbewijs, winkelcentrum Hoog Catharijne"], kind="receipt", filename="stortingsbewijs.txt",
        media_type="text/plain", by=ANNA, now=at(date(2021, 12, 13)),
    )  # fmt: skip
    box = OfflineMoney.enter(
        session, edition, _scaled(plan, 1_840), kind="cash", handed_on=date(2021, 12, 11),
        place="Bussen op de kerstmarkt, Utrecht", document=receipt, by=ANNA, now=at(date(2021, 12, 13)),
    )  # fmt: skip
    box.count_it(session, by=BRAM, now=at(date(2021, 12, 14)))
    givers.run(session, edition)


def _edition(session: Session, campaign: Campaign, plan: Plan, year: int, *, goal: int, until: date) -> Edition:
    drafted = at(date(year, 9, 20))
    edition = Edition.draft(
        session, campaign, f"{CROWDFUNDING}-{year}", f"Samen voor gezinnen {year}", starts_on=date(year, 10, 11),
        ends_on=until, fund=Fund.by_code(session, EMERGENCY), follow_on_fund=Fund.by_code(session, GENERAL),
        surplus=SURPLUS, story=STORY, by=ANNA, now=drafted,
    )  # fmt: skip
    edition.aim(session, _scaled(plan, goal).amount, by=ANNA, now=drafted)
    edition.approve(session, by=BRAM, now=drafted + timedelta(days=2))
    edition.move(session, "launch", by=ANNA, now=at(date(year, 10, 11), 8))
    for code in PLACEMENTS[year]:
        kind, name, cost, aired = PLACED[code]
        Placement.place(
            session, edition, code, name, kind=kind, cost=_scaled(plan, cost), by=ANNA, now=drafted,
            aired_at=aired,
        )  # fmt: skip
    if year == 2020:
        edition.move(session, "end", by=BRAM, now=at(until))
        settle(session, edition, by=BRAM, now=at(until) + timedelta(days=21))
        edition.move(session, "report", by=BRAM, now=at(until) + timedelta(days=42))
    return edition


def _pages(session: Session, edition: Edition) -> None:
    """Some of those who gave have a page of their own, and some of the gifts are thanks to it."""
    credits = session.scalars(
        select(Credit).where(Credit.edition_id == edition.id, Credit.placement_id.is_(None)).order_by(Credit.id)
    ).all()
    team = Team.form(session, edition, "utrecht", "Utrecht voor gezinnen", by=ANNA, now=at(date(2021, 10, 18)))
    session.flush()
    for number, (slug, title, story, target) in enumerate(PAGES):
        started = at(date(2021, 10, 20 + number))
        page = FundraisingPage.start(
            session, edition, credits[number % len(credits)].gift.supporter, slug, title, story=story,
            target=Money.eur(target) if target else None, team=team if number < 2 else None, by=ANNA, now=started,
            thanks="Dank je wel!",
        )  # fmt: skip
        session.flush()
        if number < 2:  # the last one waits for somebody to look at it
            page.check(session, "live", by=BRAM, now=started + timedelta(hours=5))
            PagePicture.send(session, page, _picture(number), by=owner_of(page.owner), now=started)
            if number == 0:  # the other one waits for somebody to look at it
                PagePicture.of(session, page)["waiting"].decide(
                    session, show=True, by=BRAM, now=started + timedelta(hours=5)
                )
            session.flush()
            session.execute(  # it was delivered, and the address went with it
                update(OutboxMessage)
                .where(OutboxMessage.template == "page_live", OutboxMessage.subject_id == page.id)
                .values(state="sent", attempts=1, sealed_address=None, ended_at=started + timedelta(hours=6)),
                execution_options={"synchronize_session": False},
            )
            for credit in credits[number::9][:25]:
                credit.move(session, page, by=ANNA, now=at(date(2021, 12, 20)))


def _picture(number: int) -> BytesIO:
    """A road to the sun, in the colours of one morning or another."""
    sky, sun, land = (("#f6d7a7", "#f2994a", "#2f6b57"), ("#bcd9ea", "#f7e08b", "#56794a"))[number]
    drawing = Image.new("RGB", (1200, 800), sky)
    draw = ImageDraw.Draw(drawing)
    draw.ellipse((450, 230, 750, 530), fill=sun)
    draw.ellipse((-400, 420, 1600, 1500), fill=land)
    draw.polygon(((560, 424), (640, 424), (900, 800), (300, 800)), fill="#d9d2c5")
    file = BytesIO()
    drawing.save(file, "JPEG", quality=85)
    file.seek(0)
    return file


def _scaled(plan: Plan, euros: int) -> Money:
    return Money(max(euros * 100 // plan.one_in, 100), "EUR")
