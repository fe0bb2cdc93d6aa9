"""The mails about a petition: what each is about, and what it says."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from supporters.mail.message import NORMAL, URGENT, OutboxMessage


def queue_confirmation(session: Session, signature: Signature, petition: Petition, *, now: datetime) -> None:
    """The mail with the button (or, where nothing is asked, the thanks), once more."""
    address = signature.address(session)
    if address is None:
        return
    template = "petition_thanks" if petition.confirm_policy == "none" else "petition_confirm"
    signature.mails += 1
    OutboxMessage.queue(
        session, template, address, key=f"{template.replace('_', '-')}:{signature.id}:{signature.mails}",
        subject_id=signature.id, locale=signature.locale, scope=signature.scope, now=now,
        priority=NORMAL if petition.confirm_policy == "none" else URGENT,
    )  # fmt: skip
