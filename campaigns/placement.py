"""One newspaper ad, spot, post, flyer or mailing of an edition: what it cost, and the two things it is recognised by:
a code in a link or source code, and a reference that a bank transfer carries.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime

import qrcode
import qrcode.image.svg
from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from campaigns.edition import SLUG, Edition
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, cents, instant, line, pk, word
from supporters.errors import BadInput, NotFound
from supporters.money import Money
from supporters.people import payment_reference

KINDS = ("post", "newspaper", "radio", "tv", "flyer", "mail", "email", "website", "event")
AIRED = ("radio", "tv")
_LETTER = "P"


class Placement(Base):
    __tablename__ = "campaigns_placement"
    __table_args__ = (
        UniqueConstraint("edition_id", "code"),
        CheckConstraint(f"kind IN ({', '.join(repr(each) for each in KINDS)})", name="kind"),
        CheckConstraint("cost >= 0", name="cost"),
    )

    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_edition.id"))
    code: Mapped[str] = mapped_column(String(40))  # in links and source codes: "<campaign>/<code>"
    kind: Mapped[word]
    name: Mapped[line]
    cost: Mapped[cents] = mapped_column(default=0)  # in the edition's currency
    aired_at: Mapped[instant | None]  # of a spot; of anything else when it appeared
    placed_at: Mapped[instant]
    placed_by: Mapped[actor_key]

    edition: Mapped[Edition] = relationship()

    @classmethod
    def place(
        cls, session: Session, edition: Edition, code: str, name: str, *, kind: str, by: Actor, now: datetime,
        cost: Money | None = None, aired_at: datetime | None = None,
    ) -> Placement:  # fmt: skip
        if not SLUG.fullmatch(code) or len(code) > 40:
            raise BadInput(
                "“%(code)s” cannot be a code; use small letters, digits and hyphens.", field="code", code=code[:40]
            )
        if kind not in KINDS:
            raise BadInput("“%(kind)s” is not one of %(known)s.", field="kind", kind=kind[:40], known=", ".join(KINDS))
        if session.scalar(select(cls.id).where(cls.edition_id == edition.id, cls.code == code)):
            raise BadInput("There is a placement “%(code)s” already.", field="code", code=code)
        placement = cls(edition=edition, code=code, kind=kind, placed_at=now, placed_by=by.key)
        with session.no_autoflush:
            placement._set(name, cost, aired_at)
        session.add(placement)
        audit.record(session, by, "place", placement, now=now, code=code)
        return placement

    @classmethod
    def by_code(cls, session: Session, edition: Edition, code: str) -> Placement:
        found = session.scalar(select(cls).where(cls.edition_id == edition.id, cls.code == code))
        if found is None:
            raise NotFound("%(title)s has no placement “%(code)s”.", field="code", title=edition.title, code=code[:40])
        return found

    def change(
        self, session: Session, *, name: str, cost: Money | None, aired_at: datetime | None, by: Actor, now: datetime
    ) -> None:
        """What is known of it later: its name, the bill, when it appeared. What it is recognised by stays."""
        before = self.name, self.cost, self.aired_at
        with session.no_autoflush:
            self._set(name, cost, aired_at)
        changed = [
            field for field, was in zip(("name", "cost", "aired_at"), before, strict=True)
            if getattr(self, field) != was
        ]  # fmt: skip
        if changed:
            audit.record(session, by, "change", self, now=now, fields=changed, cost=self.cost)

    def _set(self, name: str, cost: Money | None, aired_at: datetime | None) -> None:
        if not name.strip():
            raise BadInput("Give it a name by which your colleagues know it.", field="name")
        if self.kind in AIRED and aired_at is None:
            raise BadInput("Fill in when the spot was on the air.", field="aired_at")
        currency = self.edition.currency
        if cost is not None and (cost.amount < 0 or cost.currency != currency):
            raise BadInput("The cost is an amount in %(currency)s.", field="cost", currency=currency)
        self.name, self.cost, self.aired_at = name.strip(), cost.amount if cost else 0, aired_at

    @property
    def source_code(self) -> str:
        return f"{self.edition.campaign.code}/{self.code}"

    @property
    def short_path(self) -> str:
        """Where our pages are served, the address to print and to say on the radio."""
        return f"/go/{self.edition.slug}/{self.code}"

    @property
    def reference(self) -> str:
        """ISO 11649, so that a transfer names it: RF…P0000012."""
        return payment_reference.structured(_LETTER, self.id)

    def transfer_code(self, name: str, iban: str, *, money: Money | None = None) -> str:
        """The EPC QR code (EPC069-12, version 002) of a transfer to us that names this placement, as SVG."""
        amount = f"EUR{money.amount // 100}.{money.amount % 100:02d}" if money is not None else ""
        lines = ["BCD", "002", "1", "SCT", "", name[:70], iban.replace(" ", ""), amount, "", self.reference]
        return _svg("\n".join(lines))

    @staticmethod
    def link_code(url: str) -> str:
        """The QR code of an address, as SVG."""
        return _svg(url)


def placement_ids_in(text: str) -> Iterator[int]:
    """Of every placement's reference in what a bank line says."""
    return payment_reference.structured_in(text, _LETTER)


def _svg(content: str) -> str:
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
    code.add_data(content)
    out = io.BytesIO()
    code.make_image(image_factory=qrcode.image.svg.SvgPathImage).save(out)
    return out.getvalue().decode()
