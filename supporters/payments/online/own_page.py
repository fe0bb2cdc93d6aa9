"""A supporter's own page, behind a mailed link: whoever has the link is that supporter, for some days."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.errors import BadInput, NotFound, Refused
from supporters.giving.commitment import Commitment
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import MandateAmendment
from supporters.mail.message import URGENT, OutboxMessage
from supporters.money import Money
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.checkout import Checkout
from supporters.people.contact import ContactPoint, clean_email
from supporters.people.supporter import Supporter
from supporters.sealing import keyring
from supporters.settings import Settings

PURPOSE = "own page"
LASTS = timedelta(days=14)
#: One address gets at most one link for each supporter in so many seconds, however often it is asked for.
ONCE_IN = 600
#: Supporters with one address who get a link each: a family, not a list.
MOST = 6


class LinkTooOld(NotFound):
    """The link worked once; a new one can be asked for."""

    code = "link_too_old"


def link(session: Session, supporter: Supporter, *, settings: Settings, now: datetime) -> str:
    """An address that opens the page of this supporter until ``LASTS`` from now."""
    until = int((now + LASTS).timestamp())
    return f"{settings.public_url}/my/{keyring(session).token(PURPOSE, supporter.id, until)}"


def opened(session: Session, token: str, *, now: datetime) -> Supporter:
    """Whose page it is. Raises NotFound where the link is not ours, LinkTooOld where its days are over."""
    numbers = keyring(session).read_token(PURPOSE, token)
    supporter = session.get(Supporter, numbers[0]) if len(numbers) == 2 else None
    supporter = supporter.survivor(session) if supporter is not None else None
    if supporter is None or supporter.is_deceased:
        raise NotFound("This link is not complete. Copy it from the message once more, whole.", field="token")
    if numbers[1] < now.timestamp():
        raise LinkTooOld("This link is too old. Ask for a new one; it is in your mail in a minute.", field="token")
    return supporter


def visitor(supporter: Supporter) -> Actor:
    """Who does it there: the supporter, proved by the link in their own mail."""
    return Actor("visitor", supporter.number, "own page", authenticated=True)


def ask(session: Session, address: str, *, now: datetime) -> None:
    """Mail a link to each supporter with this address; to a stranger's address nothing goes, and nothing says so.

    Raises BadInput where it is no address.
    """
    if not address.strip():
        raise BadInput("Fill in your e-mail address.", field="email")
    email = clean_email(address)
    found = session.scalars(
        select(Supporter)
        .join(ContactPoint, ContactPoint.supporter_id == Supporter.id)
        .where(
            ContactPoint.kind == "email", or_(ContactPoint.value == email, ContactPoint.value == email.lower()),
            ContactPoint.until_on.is_(None), Supporter.merged_into_id.is_(None),
            Supporter.death_reported_at.is_(None),
        )
        .order_by(Supporter.id)
        .distinct()
        .limit(MOST)
    )  # fmt: skip
    for supporter in found:
        OutboxMessage.queue(
            session, "own_page_link", email, key=f"own-page:{supporter.id}:{int(now.timestamp()) // ONCE_IN}",
            locale=supporter.language, priority=URGENT, supporter_id=supporter.id, subject_id=supporter.id, now=now,
        )  # fmt: skip


def commitment_of(session: Session, supporter: Supporter, number: str) -> Commitment:
    """A commitment of this supporter, by its number; raises NotFound for anybody else's."""
    digits = number.removeprefix("C")
    found = session.get(Commitment, int(digits)) if digits.isdecimal() and len(digits) < 16 else None
    if found is None or found.supporter.survivor(session).id != supporter.id:
        raise NotFound("There is no such commitment.", field="commitment")
    return found


def open_instalment(session: Session, commitment: Commitment) -> Instalment | None:
    """The latest one that failed and can still be paid by the donor; nothing else of what was missed is asked for."""
    return session.scalars(
        select(Instalment)
        .where(Instalment.commitment_id == commitment.id, Instalment.status == "returned")
        .order_by(Instalment.number.desc())
        .limit(1)
    ).first()


def renew(
    session: Session,
    commitment: Commitment,
    method: str,
    *,
    pay: bool,
    accounts: Accounts,
    submission_key: str,
    locale: str,
    now: datetime,
) -> Checkout:
    """Another way to pay for a commitment; with ``pay`` the instalment that failed is paid along.

    Raises BadInput for a method that leaves no mandate, Refused where the commitment ended.
    """
    if commitment.ended_on is not None:
        raise Refused("This commitment has ended; start a new one.")
    account = accounts.methods(lasting=True, currency=commitment.currency).get(method)  # type: ignore[call-overload]
    if account is None:
        raise BadInput("Choose how you want to pay.", field="method")
    failed = open_instalment(session, commitment) if pay else None
    money = Money(failed.amount, commitment.currency) if failed is not None else Money(0, commitment.currency)
    return Checkout.open(
        session, "mandate", money, account=account, fund=commitment.fund, submission_key=submission_key,
        supporter=commitment.supporter.survivor(session), commitment=commitment, instalment=failed, method=method,
        locale=locale, now=now,
    )  # fmt: skip


def tell_account_changed(session: Session, supporter: Supporter, change: MandateAmendment, *, now: datetime) -> None:
    """A mail that the account number changed: whoever did not do it hears of it."""
    session.flush()
    email = supporter.email
    if email:
        OutboxMessage.queue(
            session, "account_changed", email, key=f"account-changed:{change.id}", locale=supporter.language,
            supporter_id=supporter.id, subject_id=change.id, now=now,
        )  # fmt: skip
