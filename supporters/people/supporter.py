"""A person or organisation we know."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, instant, line, pk, word
from supporters.errors import BadInput, Refused
from supporters.people import names
from supporters.people.bank_account import BankAccount, clean_iban
from supporters.people.contact import Address, ContactPoint, clean_email, clean_phone, clean_postcode
from supporters.people.household import HouseholdMember
from supporters.people.payment_reference import creditor_reference
from supporters.people.reference import ExternalReference

#: What an organisation can be. Its gifts are income of that kind; where nobody said, of a company.
SECTORS = ("company", "foundation", "lottery", "government", "affiliate")
NAME_FIELDS = (
    "first_name",
    "initials",
    "prefix",
    "surname",
    "organisation_name",
    "form_of_address",
    "salutation_override",
)


class Supporter(Base):
    __tablename__ = "supporters_supporter"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'organisation')", name="kind"),
        CheckConstraint("kind = 'person' OR organisation_name <> ''", name="organisation_has_name"),
        CheckConstraint("sector IS NULL OR kind = 'organisation'", name="only_organisations_have_a_sector"),
        CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name="not_merged_into_itself"),
    )

    id: Mapped[pk]
    kind: Mapped[word] = mapped_column(default="person")
    first_name: Mapped[line] = mapped_column(default="")
    initials: Mapped[word] = mapped_column(default="")
    prefix: Mapped[word] = mapped_column(default="")  # tussenvoegsel: "van den"
    surname: Mapped[line] = mapped_column(default="")
    organisation_name: Mapped[line] = mapped_column(default="")
    sector: Mapped[word | None]  # what an organisation is, and so what kind of income its gifts are
    form_of_address: Mapped[word | None]  # mr, ms, or None where nobody told us
    salutation_override: Mapped[line | None]  # the greeting they asked for
    language: Mapped[str] = mapped_column(String(2), default="nl")
    birth_date: Mapped[date | None]
    sort_name: Mapped[str] = mapped_column(String(320), index=True)  # core word first, folded
    source_code: Mapped[word | None]
    joined_on: Mapped[date]
    deceased_on: Mapped[date | None]
    death_reported_at: Mapped[instant | None]  # set even where the date of death is not known
    merged_into_id: Mapped[int | None] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "keep", "on_erase": "keep"}
    )
    created_at: Mapped[instant]

    contact_points: Mapped[list[ContactPoint]] = relationship(back_populates="supporter", order_by=ContactPoint.id)
    bank_accounts: Mapped[list[BankAccount]] = relationship(back_populates="supporter", order_by=BankAccount.id)
    memberships: Mapped[list[HouseholdMember]] = relationship(back_populates="supporter", order_by=HouseholdMember.id)
    references: Mapped[list[ExternalReference]] = relationship(
        back_populates="supporter", order_by=ExternalReference.id
    )

    # -- arriving ---------------------------------------------------------------------------------

    @classmethod
    def welcome(
        cls,
        session: Session,
        email: str | None = None,
        *,
        now: datetime,
        by: Actor | None = None,
        on: date | None = None,
        kind: str = "person",
        phone: str | None = None,
        address: Address | None = None,
        iban: str | None = None,
        reference: tuple[str, str] | None = None,
        source_code: str | None = None,
        **fields: Any,
    ) -> Supporter:
        """A new supporter with what is known. ``reference`` is (system, value); ``on`` defaults to the day of ``now``.

        Raises BadInput naming the field. It does not look for somebody alike: an e-mail address is not a person.
        """
        by = by or Actor("visitor", "website", "library")
        on = on or now.date()
        supporter = cls(kind=kind, joined_on=on, created_at=now, source_code=source_code)
        supporter._set(fields)
        # Refuse before anything is added.
        if email:
            clean_email(email)
        if phone:
            clean_phone(phone)
        if address:
            clean_postcode(address.postcode, address.country)
        if iban:
            clean_iban(iban)
        session.add(supporter)
        session.flush()
        for point, value in (("email", email), ("phone", phone), ("address", address)):
            if value:
                ContactPoint.record(session, supporter, point, value, by=by, now=now, on=on)
        if iban:
            BankAccount.known(session, supporter, iban, by=by, on=on)
        if reference:
            ExternalReference.give(session, supporter, *reference)
        audit.record(session, by, "welcome", supporter, now=now, supporter=supporter.id)
        supporter.index(session)
        return supporter

    @classmethod
    def find(cls, session: Session, number: str) -> Supporter | None:
        """By our own number ("S0000012" or "12"); a merged number leads to the survivor."""
        digits = number.strip().upper().removeprefix("S")
        if not digits.isdecimal() or len(digits) > 15:
            return None
        found = session.get(cls, int(digits))
        return found.survivor(session) if found else None

    def survivor(self, session: Session) -> Supporter:
        """Who this supporter is today, after all merges."""
        found = self
        while found.merged_into_id is not None:
            found = session.get_one(Supporter, found.merged_into_id)
        return found

    # -- changing ---------------------------------------------------------------------------------

    def rename(self, session: Session, *, by: Actor, now: datetime, **fields: Any) -> None:
        """Change name fields, language or birth date; the audit line keeps what they were."""
        before = {key: getattr(self, key) for key in fields}
        try:
            self._set(fields)
        except BadInput:
            for key, old in before.items():
                setattr(self, key, old)
            self.sort_name = self.make_sort_name()
            raise
        changed = {key: str(old) for key, old in before.items() if getattr(self, key) != old}
        if changed:
            audit.record(session, by, "rename", self, now=now, supporter=self.id, before=changed)
            self.index(session)

    def set_contact(
        self, session: Session, kind: str, value: str | Address, *, by: Actor, now: datetime, on: date
    ) -> ContactPoint:
        point = ContactPoint.record(session, self, kind, value, by=by, now=now, on=on)
        self.index(session)
        return point

    def drop_contact(self, session: Session, point: ContactPoint, *, by: Actor, now: datetime, on: date) -> None:
        """It no longer holds and nothing replaces it (a bounced address, a number given up)."""
        if point.supporter_id != self.id or not point.is_current:
            raise Refused("This is not a current contact point of %(name)s.", name=self.name)
        point.until_on = max(on, point.from_on)
        audit.record(session, by, f"drop_{point.kind}", self, now=now, supporter=self.id)
        self.index(session)

    def _set(self, fields: dict[str, Any]) -> None:
        for key, value in fields.items():
            if key not in (*NAME_FIELDS, "language", "birth_date", "sector"):
                raise TypeError(f"a supporter has no field {key!r}")
            setattr(self, key, value.strip() if isinstance(value, str) else value)
        for key in ("first_name", "initials", "prefix", "surname", "organisation_name"):
            if getattr(self, key) is None:
                setattr(self, key, "")
            if len(getattr(self, key)) > (40 if key in ("initials", "prefix") else 255):
                raise BadInput("This is too long for a name.", field=key)
        if self.kind not in ("person", "organisation"):
            raise BadInput("A supporter is a person or an organisation, not “%(kind)s”.", field="kind", kind=self.kind)
        if self.kind == "organisation" and not self.organisation_name:
            raise BadInput("An organisation needs its name.", field="organisation_name")
        self.sector = self.sector or None
        if self.sector is not None and (self.kind != "organisation" or self.sector not in SECTORS):
            raise BadInput(
                "An organisation is one of: %(known)s; a person is none.", field="sector", known=", ".join(SECTORS)
            )
        if self.kind == "person" and not (self.surname or self.first_name):
            raise BadInput("A person needs a surname or a first name.", field="surname")
        if self.initials:
            self.initials = names.normalise_initials(self.initials)
        if self.language is None:
            self.language = "nl"
        if self.language not in ("nl", "en"):
            raise BadInput("We write in nl or en, not in “%(language)s”.", field="language", language=self.language)
        self.sort_name = self.make_sort_name()

    def make_sort_name(self) -> str:
        """What lists sort on: "berg, j. van den"."""
        from supporters.people.folding import fold

        return fold(self.organisation_name if self.kind == "organisation" else names.sort_key(self.as_name))[:320]

    def index(self, session: Session) -> None:
        """Bring the search tokens up to date with what is known now."""
        from supporters.people.search import reindex

        session.flush()
        reindex(session, [self.id])

    # -- being read -------------------------------------------------------------------------------

    @property
    def number(self) -> str:
        return f"S{self.id:07d}"

    @property
    def creditor_reference(self) -> str:
        """What they can pay with, so that the bank tells us who it was: RF36S0000012."""
        return creditor_reference(self.id)

    @property
    def as_name(self) -> names.Name:
        return names.Name(self.first_name, self.initials, self.prefix, self.surname)

    @property
    def name(self) -> str:
        """In full: "Ada van den Berg", or the organisation's."""
        return self.organisation_name if self.kind == "organisation" else names.full_name(self.as_name)

    @property
    def salutation(self) -> str:
        """The opening of a letter in their language, without guessing a sex."""
        if self.salutation_override:
            return self.salutation_override
        if self.kind == "organisation":
            return names.organisation_salutation(self.language, self.organisation_name)
        return names.salutation(self.language, self.as_name, self.form_of_address)

    @property
    def income_kind(self) -> str:
        """The kind of a gift of theirs, where nobody says otherwise."""
        return "gift" if self.kind == "person" else self.sector or "company"

    @property
    def is_deceased(self) -> bool:
        return self.death_reported_at is not None

    def current(self, kind: str) -> ContactPoint | None:
        """The e-mail, phone or address that holds now."""
        return next((p for p in reversed(self.contact_points) if p.kind == kind and p.is_current), None)

    @property
    def email(self) -> str | None:
        point = self.current("email")
        return point.value if point else None

    @property
    def phone(self) -> str | None:
        point = self.current("phone")
        return point.value if point else None

    @property
    def address(self) -> Address | None:
        point = self.current("address")
        return point.address if point else None

    @property
    def household(self) -> Any:
        member = next((m for m in self.memberships if m.until_on is None), None)
        return member.household if member else None


def named(session: Session, ids: list[int]) -> dict[int, Supporter]:
    """Supporters by id in one query."""
    return {s.id: s for s in session.scalars(select(Supporter).where(Supporter.id.in_(ids)))}
