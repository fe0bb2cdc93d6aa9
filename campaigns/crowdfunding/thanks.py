"""What the owner of a page says to whoever gave through it: in the mail about the gift, and where they come back to."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.credit import Credit
from campaigns.crowdfunding.page import FundraisingPage
from campaigns.edition import Edition
from supporters.payments.online import thanks
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.thanks import Words


def _of_gift(session: Session, gift_id: int) -> Words | None:
    credited = Credit.page_id == FundraisingPage.id
    return _words(session.scalar(select(FundraisingPage).join(Credit, credited).where(Credit.gift_id == gift_id)))


def _of_checkout(session: Session, checkout: Checkout) -> Words | None:
    edition, _, page = checkout.edition.partition("/")
    if not page:
        return None
    named = Edition.slug == edition, FundraisingPage.slug == page
    return _words(session.scalar(select(FundraisingPage).join(FundraisingPage.edition).where(*named)))


def _words(page: FundraisingPage | None) -> Words | None:
    """Of a page that everybody sees; under its title, because nobody said that their name may be shown."""
    if page is None or page.state != "live" or not page.thanks:
        return None
    return Words(page.title, page.thanks)


thanks.adds(to_gift=_of_gift, to_checkout=_of_checkout)
