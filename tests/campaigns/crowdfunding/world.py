"""An edition that runs, with what its tests need."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import Campaign, CounterEntry, Edition, FundraisingPage, Match, WallPost
from supporters import Document, Gift, Money, Supporter
from supporters.payments.online import telling
from supporters.payments.online.checkout import Checkout, Telling
from supporters.people.consent import Consent, ConsentText
from tests import cast

FIRST, LAST = date(2026, 11, 1), date(2027, 1, 1)


def edition(session: Session, slug: str = "families-2026", **fields: Any) -> Edition:
    """Launched; its gifts of November and December 2026 count."""
    campaign = Campaign.open(session, "families", "Families", started_on=FIRST, by=cast.ANNA, now=cast.NOW)
    purpose = cast.fund(session, "families", "Families together", is_restricted=True)
    given = {
        "starts_on": FIRST, "ends_on": LAST, "fund": purpose, "follow_on_fund": cast.fund(session),
        "surplus": "More families.",
    }  # fmt: skip
    found = Edition.draft(session, campaign, slug, "Families 2026", by=cast.ANNA, now=cast.NOW, **given | fields)
    found.aim(session, 1_000_00, by=cast.ANNA, now=cast.NOW)
    found.approve(session, by=cast.BRAM, now=cast.NOW)
    found.move(session, "launch", by=cast.ANNA, now=cast.NOW)
    return found


def donor(session: Session, number: int) -> Supporter:
    return Supporter.welcome(
        session, f"d{number}@example.org", first_name="D", surname=f"Onor {number}", by=cast.ANNA, now=cast.NOW
    )


def gift(session: Session, supporter: Supporter, euros: str, **fields: Any) -> Gift:
    return cast.gift(session, supporter, Money.eur(euros), **{"source_code": "families"} | fields)


def page(session: Session, of: Edition, owner: Supporter, slug: str = "ada-runs", **fields: Any) -> FundraisingPage:
    found = FundraisingPage.start(session, of, owner, slug, "Ada runs", by=cast.ANNA, now=cast.NOW, **fields)
    session.flush()
    return found


def match(session: Session, of: Edition, most: str, **fields: Any) -> Match:
    sponsor = Supporter.welcome(
        session, "bakery@example.org", kind="organisation", organisation_name="Bakery", by=cast.ANNA, now=cast.NOW
    )
    found = Match.promise(
        session, of, sponsor, "Every euro doubled", Money.eur(most), from_on=FIRST, by=cast.ANNA, now=cast.NOW, **fields
    )
    session.flush()
    found.approve(session, by=cast.BRAM, now=cast.NOW)
    return found


def on_the_wall(session: Session, of: Edition, giver: Supporter, name: str = "Ada L.") -> WallPost:
    """A gift through the form, shown with the name that its giver said may be seen."""
    text = ConsentText.say(session, "show_name", "en", telling.WORDS["show_name"]["en"], by=cast.ANNA, now=cast.NOW)
    checkout = Checkout.open(
        session, "gift", Money.eur("25.00"), account="memory", fund=of.fund, submission_key=f"form of {giver.id}",
        supporter=giver, telling=Telling(name, ""), edition=of.slug, now=cast.NOW,
        consents=[{"purpose": "show_name", "text_id": text.id}],
    )  # fmt: skip
    Consent.record(
        session, giver, "show_name", granted=True, text=text, by=cast.ANNA, now=cast.NOW,
        **checkout.consent_of("show_name"),
    )  # fmt: skip
    given = gift(session, giver, "25.00")
    post = WallPost(edition=of, gift_id=given.id, checkout=checkout, state="waiting", made_at=cast.NOW)
    session.add(post)
    session.flush()
    post.show(session, by=cast.BRAM, now=cast.NOW)
    return post


def back(session: Session, of: Gift, euros: str | None = None) -> None:
    of.reverse(session, Money.eur(euros) if euros else None, on=cast.TODAY, kind="refund", by=cast.ANNA, now=cast.NOW)


def receipt(session: Session) -> Document:
    return Document.store(
        session, [b"a receipt"], kind="receipt", filename="box.txt", media_type="text/plain", by=cast.ANNA, now=cast.NOW
    )


def entries(session: Session) -> list[tuple[str, str, int]]:
    rows = session.scalars(select(CounterEntry).order_by(CounterEntry.id))
    return [(row.stage, row.kind, row.amount) for row in rows]
