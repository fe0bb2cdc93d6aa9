"""How to reach a supporter. A contact point is superseded, never overwritten."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.errors import BadInput

if TYPE_CHECKING:
    from supporters.people.supporter import Supporter

KINDS = ("email", "phone", "address")


#: What nearly every address looks like: valid as it stands, at a twentieth of the time that all the rules take.
_PLAIN_EMAIL = re.compile(
    r"([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)@((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+([a-z]{2,63}))", re.IGNORECASE | re.ASCII
)
_UNPLAIN_TOP_DOMAINS = {name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES}


def clean_email(raw: str) -> str:
    """The address with its domain in lower case; raises BadInput where it cannot be one."""
    plain = _PLAIN_EMAIL.fullmatch(raw)
    if plain and len(raw) <= 80 and len(plain[1]) <= 64 and len(plain[2]) <= 63:
        domain = plain[2].lower()
        if plain[3].lower() not in _UNPLAIN_TOP_DOMAINS:
            return f"{plain[1]}@{domain}"
    try:
        return validate_email(raw.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise BadInput(
            "“%(value)s” is not an e-mail address; write one such as ada@example.org.",
            field="email",
            value=raw.strip()[:80],
        ) from error


def clean_phone(raw: str, country: str = "NL") -> str:
    """The number in E.164, such as +31201234567, read as dialled in ``country``."""
    shown = raw.strip()[:40]
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException as error:
        raise BadInput("“%(value)s” is not a telephone number.", field="phone", value=shown) from error
    if not phonenumbers.is_possible_number(number):
        raise BadInput("“%(value)s” has too few or too many digits for a telephone number.", field="phone", value=shown)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def clean_postcode(raw: str, country: str = "NL") -> str:
    """Dutch postcodes as "1012 AB"; others trimmed and in capitals."""
    value = raw.strip().upper()
    if country != "NL" or not value:
        return value[:16]
    if not (found := re.fullmatch(r"([1-9]\d{3})\s*([A-Z]{2})", value)):
        raise BadInput("“%(value)s” is not a Dutch postcode; write it as 1012 AB.", field="postcode", value=value[:20])
    return f"{found[1]} {found[2]}"


@dataclass(frozen=True, slots=True)
class Address:
    street: str = ""
    house_number: str = ""
    house_addition: str = ""
    postcode: str = ""
    city: str = ""
    country: str = "NL"

    def __bool__(self) -> bool:
        return any(astuple(self)[:-1])

    @property
    def lines(self) -> list[str]:
        """As on an envelope, without the name."""
        street = " ".join(filter(None, [self.street, self.house_number + self.house_addition]))
        city = "  ".join(filter(None, [self.postcode, self.city]))
        return [part for part in (street, city, "" if self.country == "NL" else self.country) if part]


class ContactPoint(Base):
    __tablename__ = "supporters_contact_point"
    __table_args__ = (
        CheckConstraint("kind IN ('email', 'phone', 'address')", name="kind"),
        CheckConstraint("until_on IS NULL OR until_on >= from_on", name="period"),
        Index(None, "supporter_id", "kind"),
        Index(
            "ix_supporters_contact_point_current_value",
            "value",
            sqlite_where=text("until_on IS NULL"),
            postgresql_where=text("until_on IS NULL"),
        ),
    )

    id: Mapped[pk]
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), info={"on_merge": "move", "on_erase": "delete"}
    )
    kind: Mapped[word]
    value: Mapped[str] = mapped_column(String(320), default="")  # e-mail address or E.164 number
    street: Mapped[line] = mapped_column(default="")
    house_number: Mapped[word] = mapped_column(default="")
    house_addition: Mapped[word] = mapped_column(default="")
    postcode: Mapped[str] = mapped_column(String(16), default="")
    city: Mapped[line] = mapped_column(default="")
    country: Mapped[str] = mapped_column(String(2), default="NL")
    from_on: Mapped[date]
    until_on: Mapped[date | None]  # first day it no longer holds
    superseded_by_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_contact_point.id"))
    verified_at: Mapped[instant | None]
    recorded_by: Mapped[actor_key]

    supporter: Mapped[Supporter] = relationship(back_populates="contact_points")

    @property
    def is_current(self) -> bool:
        return self.until_on is None

    @property
    def address(self) -> Address:
        return Address(self.street, self.house_number, self.house_addition, self.postcode, self.city, self.country)

    def __str__(self) -> str:
        return self.value or ", ".join(self.address.lines)

    @classmethod
    def only_of_the_dead(cls, session: Session, email: str) -> bool:
        """Whether this is the address of supporters, and all of them have died; a widow's shared one is not."""
        here = (
            (cls.kind == "email") & cls.until_on.is_(None) & cls.value.in_({email, clean_email(email), email.lower()})
        )
        points = session.scalars(select(cls).where(here)).all()
        return bool(points) and all(point.supporter.is_deceased for point in points)

    @classmethod
    def record(
        cls,
        session: Session,
        supporter: Supporter,
        kind: str,
        value: str | Address,
        *,
        by: Actor,
        now: datetime,
        on: date,
    ) -> ContactPoint:
        """Make ``value`` the supporter's current e-mail, phone or address; the one before is superseded.

        The value that is current already is returned as it is.
        """
        new_value, address = "", Address()
        if kind == "email" and isinstance(value, str):
            new_value = clean_email(value)
        elif kind == "phone" and isinstance(value, str):
            new_value = clean_phone(value)
        elif kind == "address" and isinstance(value, Address):
            postcode = clean_postcode(value.postcode, value.country)
            address = Address(
                value.street, value.house_number, value.house_addition, postcode, value.city, value.country
            )
        else:
            raise BadInput("There is no contact point of kind “%(kind)s”.", field="kind", kind=kind)
        before = [point for point in supporter.contact_points if point.kind == kind and point.is_current]
        for point in before:
            if (point.value, point.address) == (new_value, address):
                return point
        new = cls(
            supporter=supporter, kind=kind, value=new_value, street=address.street, house_number=address.house_number,
            house_addition=address.house_addition, postcode=address.postcode, city=address.city,
            country=address.country, from_on=on, recorded_by=by.key,
        )  # fmt: skip
        session.add(new)
        session.flush()
        for point in before:
            point.until_on, point.superseded_by_id = max(on, point.from_on), new.id
        audit.record(session, by, f"set_{kind}", supporter, now=now, supporter=supporter.id)
        return new
