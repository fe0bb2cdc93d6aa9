"""What somebody asked for at a form, until the money says that they meant it. Who they are is sealed till then."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters.db import Base, cents, currency, instant, pk, violates, word
from supporters.errors import NotFound
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.instalment import Instalment
from supporters.money import Money
from supporters.payments.online.telling import SEALED_AS, SHOWN
from supporters.people.supporter import Supporter
from supporters.sealing import keyring

#: gift: once · commitment: a first payment that starts one · mandate: a new mandate for a commitment that there is.
KINDS = ("gift", "commitment", "mandate")
PERSON = "donor"  # what they are sealed as
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Telling:
    """What somebody wrote for everybody to read; nobody has looked at it."""

    name: str = field(default="", repr=False)
    message: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.name or self.message)


@dataclass(frozen=True, slots=True)
class Person:
    """Who fills in the form. Shown nowhere but to the vendor of a mandate, and kept once money came."""

    first_name: str = field(repr=False)
    surname: str = field(repr=False)
    email: str = field(repr=False)
    prefix: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.prefix, self.surname) if part)


class Checkout(Base):
    __tablename__ = "supporters_checkout"
    __table_args__ = (
        UniqueConstraint("token"),
        UniqueConstraint("submission_key"),
        CheckConstraint(f"kind IN ({', '.join(repr(kind) for kind in KINDS)})", name="kind"),
        CheckConstraint("kind = 'mandate' OR amount > 0", name="amount_positive"),
        CheckConstraint("kind <> 'commitment' OR every IS NOT NULL", name="commitment_has_interval"),
        CheckConstraint(
            "sealed_person IS NOT NULL OR supporter_id IS NOT NULL OR forgotten_at IS NOT NULL", name="has_somebody"
        ),
        Index(None, "created_at"),
    )

    id: Mapped[pk]
    token: Mapped[str] = mapped_column(String(43))  # in the address of its page; nobody can guess it
    #: Of the form that was shown: pressing twice is one checkout.
    submission_key: Mapped[str] = mapped_column(String(100))
    kind: Mapped[word]
    amount: Mapped[cents]  # with the costs that the donor chose to cover
    covered_costs: Mapped[cents] = mapped_column(default=0)  # of it
    currency: Mapped[currency]
    every: Mapped[word | None]
    method: Mapped[word | None]  # None: the vendor asks
    account: Mapped[word]
    fund_id: Mapped[int] = mapped_column(ForeignKey("supporters_fund.id"))
    source_code: Mapped[word | None]
    placement: Mapped[str] = mapped_column(String(80), default="")  # what the link said brought them
    edition: Mapped[str] = mapped_column(String(80), default="")
    sealed_person: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": PERSON})
    supporter_id: Mapped[int | None] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    commitment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_commitment.id"), index=True)
    instalment_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_instalment.id"))
    consents: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)  # purpose, text_id
    sealed_telling: Mapped[bytes | None] = mapped_column(LargeBinary, info={"sealed": SEALED_AS})
    heard: Mapped[word | None]  # how they heard of the edition
    locale: Mapped[str] = mapped_column(String(2), default="nl")
    return_to: Mapped[str | None] = mapped_column(String(500))
    form_url: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[instant]
    completed_at: Mapped[instant | None]  # all that was asked for is there: gift, commitment, mandate
    forgotten_at: Mapped[instant | None]  # nobody paid, and who it was is gone

    fund: Mapped[Fund] = relationship()
    supporter: Mapped[Supporter | None] = relationship()
    commitment: Mapped[Commitment | None] = relationship()
    instalment: Mapped[Instalment | None] = relationship()

    @classmethod
    def open(
        cls,
        session: Session,
        kind: str,
        money: Money,
        *,
        account: str,
        fund: Fund,
        submission_key: str,
        now: datetime,
        person: Person | None = None,
        supporter: Supporter | None = None,
        every: str | None = None,
        method: str | None = None,
        commitment: Commitment | None = None,
        instalment: Instalment | None = None,
        telling: Telling | None = None,
        **fields: Any,
    ) -> Checkout:
        """What was asked for; the same ``submission_key`` again is the checkout there is, whatever else it says."""
        if known := session.scalar(select(cls).where(cls.submission_key == submission_key)):
            return known
        checkout = cls(
            token=secrets.token_urlsafe(32), submission_key=submission_key, kind=kind, amount=money.amount,
            currency=money.currency, every=every, method=method, account=account, fund=fund, supporter=supporter,
            commitment=commitment, instalment=instalment, created_at=now, **fields,
        )  # fmt: skip
        if person is not None:
            parts = {"first_name": person.first_name, "prefix": person.prefix, "surname": person.surname}
            checkout.sealed_person = keyring(session).seal(json.dumps(parts | {"email": person.email}), PERSON)
        if telling:
            words = {"name": telling.name, "message": telling.message}
            checkout.sealed_telling = keyring(session).seal(json.dumps(words), SEALED_AS)
        try:
            with session.begin_nested():
                session.add(checkout)
                session.flush()
        except IntegrityError as error:
            if not violates(error, "uq_supporters_checkout_submission_key"):
                raise
            return session.scalars(select(cls).where(cls.submission_key == submission_key)).one()
        return checkout

    @classmethod
    def by_token(cls, session: Session, token: str) -> Checkout:
        found = session.scalar(select(cls).where(cls.token == token)) if _TOKEN.fullmatch(token) else None
        if found is None:
            raise NotFound("There is no such payment. Copy the link once more, whole.", field="token")
        return found

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    def person(self, session: Session) -> Person | None:
        """Who filled it in; None once they are forgotten, or where we knew them."""
        if self.sealed_person is None:
            return None
        parts: Mapping[str, str] = json.loads(keyring(session).open(self.sealed_person, PERSON))
        return Person(parts["first_name"], parts["surname"], parts["email"], parts["prefix"])

    def telling(self, session: Session) -> Telling:
        """What they wrote for everybody; empty once it is gone."""
        if self.sealed_telling is None:
            return Telling()
        words: Mapping[str, str] = json.loads(keyring(session).open(self.sealed_telling, SEALED_AS))
        return Telling(words["name"], words["message"])

    def consent_of(self, purpose: str) -> dict[str, str]:
        """Channel and scope of a yes at this form: what is shown is about this gift, news about its edition."""
        if purpose in SHOWN:
            return {"channel": "public", "scope": f"checkout:{self.id}"}
        edition, _, _ = self.edition.partition("/")
        return {"channel": "email", "scope": f"edition:{edition}" if purpose == "updates" else ""}

    def forget(self, *, now: datetime) -> None:
        """Nobody paid: who it was goes, that it was asked for stays."""
        self.sealed_person, self.sealed_telling, self.consents, self.forgotten_at = None, None, [], now
