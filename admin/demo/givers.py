"""What some givers of *Samen voor gezinnen* said may be seen, how they heard of it, and the news that was sent."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from admin.demo.plan import at
from admin.demo.runs import ANNA, BRAM
from campaigns.credit import Credit
from campaigns.crowdfunding.update import EditionUpdate
from campaigns.crowdfunding.wall import WallPost
from campaigns.edition import Edition
from supporters.giving.gift import Gift
from supporters.mail.message import OutboxMessage
from supporters.payments.online.checkout import Checkout, Telling
from supporters.payments.online.form import BY
from supporters.payments.online.telling import HEARD, WORDS
from supporters.people.consent import Consent, ConsentText

#: Name, message, whether the amount is shown, and what a colleague did: show, refuse, or nothing yet.
SAID = (
    ("Familie Bakker", "Elk kind hoort bij zijn ouders. Veel sterkte!", True, "show"),
    ("Marieke", "Voor alle gezinnen die wachten.", True, "show"),
    ("", "", True, "show"),
    ("Opa en oma uit Zwolle", "", False, "show"),
    ("Klas 3B", "Wij verkochten wafels op het schoolplein.", True, "show"),
    ("Yusuf", "Ik weet hoe het is om te wachten. Houd moed.", False, "show"),
    ("Goedkope leningen!!!", "Bel mij nu", False, "refuse"),
    ("J. de Wit", "Succes met dit mooie werk.", True, ""),
    ("Het koor van dinsdag", "Zingend door de winter.", False, ""),
)
NEWS = (
    (
        "De eerste drie gezinnen",
        "Dankzij u konden we de reis van **drie gezinnen** betalen. Ze zijn samen, en vieren dat thuis.",
        at(date(2021, 11, 25), 11),
    ),
    ("Tot Sinterklaas telt elke euro dubbel", "Een ondernemer verdubbelt elke gift tot en met 5 december.", None),
)


def run(session: Session, edition: Edition) -> None:
    credits = session.scalars(
        select(Credit)
        .join(Gift, Gift.id == Credit.gift_id)
        .where(Credit.edition_id == edition.id, Credit.standing == "counts", ~Gift.reversals.any())
        .order_by(Gift.received_on.desc(), Gift.id)
        .limit(12 * len(SAID))
    ).all()
    texts = {
        purpose: ConsentText.say(session, purpose, "nl", words["nl"], by=BY, now=edition.drafted_at)
        for purpose, words in WORDS.items()
    }
    said = list(reversed(credits[: len(SAID)]))
    for credit, (name, message, shows_amount, decided) in zip(said, SAID, strict=False):
        gave = at(credit.gift.received_on, 12)
        yes = {"show_name": bool(name), "show_message": bool(message), "show_amount": shows_amount, "updates": True}
        checkout = _checkout(session, edition, credit, Telling(name, message), gave, texts, yes)
        post = WallPost(
            edition=edition, gift_id=credit.gift_id, checkout=checkout, made_at=gave,
            state="waiting" if name or message else "shown",
        )  # fmt: skip
        if post.state == "shown":  # an amount alone
            post.decided_at, post.decided_by = gave, BY.key
        session.add(post)
        session.flush()
        if decided and post.state == "waiting":
            getattr(post, decided)(session, by=BRAM, now=gave + timedelta(hours=3))
    for number, credit in enumerate(credits):
        credit.heard = HEARD[(0, 0, 3, 2, 4, 1, 4)[number % 7]]
    for title, text, sent_at in NEWS:
        news = EditionUpdate.write(session, edition, title, text, by=ANNA, now=sent_at or at(date(2021, 12, 30)))
        session.flush()
        if sent_at is not None:
            news.send(session, by=ANNA, now=sent_at)
            _delivered(session, sent_at)


def _checkout(
    session: Session, edition: Edition, credit: Credit, telling: Telling, gave: datetime,
    texts: dict[str, ConsentText], yes: dict[str, bool],
) -> Checkout:  # fmt: skip
    """The form as this giver sent it."""
    giver, gift = credit.gift.supporter, credit.gift
    checkout = Checkout.open(
        session, "gift", gift.money, account="demo", fund=edition.fund, submission_key=f"wall {gift.id}", now=gave,
        supporter=giver, telling=telling, edition=edition.slug, completed_at=gave,
        consents=[{"purpose": purpose, "text_id": texts[purpose].id} for purpose, said in yes.items() if said],
    )  # fmt: skip
    for purpose in (purpose for purpose, said in yes.items() if said):
        Consent.record(
            session, giver, purpose, granted=True, by=BY, now=gave, text=texts[purpose],
            evidence=f"checkout:{checkout.id}", **checkout.consent_of(purpose),
        )  # fmt: skip
    return checkout


def _delivered(session: Session, sent_at: datetime) -> None:
    """Its mails went out that day, and the addresses with them."""
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.template == "edition_update", OutboxMessage.state == "queued")
        .values(state="sent", attempts=1, sealed_address=None, ended_at=sent_at + timedelta(hours=1)),
        execution_options={"synchronize_session": False},
    )
