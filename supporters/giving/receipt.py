"""A receipt as a PDF: one gift, or all gifts of a year, less what went back. For the donor's own papers.

It is no deed and no statement for a periodic gift; what the tax office asks of an ordinary gift is a bank line or this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import typst
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from supporters import formats
from supporters.errors import NotFound
from supporters.giving.gift import Gift
from supporters.money import Money
from supporters.people.supporter import Supporter

_WORDS = {
    "nl": {
        "one": "Bewijs van gift", "year": "Uw giften in {year}", "to": "Voor", "number": "Relatienummer",
        "day": "Ontvangen op", "reference": "Kenmerk", "fund": "Bestemming", "amount": "Bedrag", "back": "Teruggegaan",
        "total": "Samen", "made": "Gemaakt op {day} door {charity}.",
    },
    "en": {
        "one": "Receipt for a gift", "year": "Your gifts in {year}", "to": "To", "number": "Supporter number",
        "day": "Received on", "reference": "Reference", "fund": "For", "amount": "Amount", "back": "Went back",
        "total": "Together", "made": "Made on {day} by {charity}.",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receipt:
    charity: str
    name: str
    number: str
    locale: str
    gifts: tuple[Gift, ...]
    year: int | None = None

    @classmethod
    def of_gift(cls, session: Session, supporter: Supporter, gift_id: int, charity: str) -> Receipt:
        """Raises NotFound for somebody else's gift."""
        gift = session.get(Gift, gift_id)
        if gift is None or gift.supporter.survivor(session).id != supporter.id:
            raise NotFound("There is no such gift.", field="gift")
        return cls(charity, supporter.name, supporter.number, supporter.language, (gift,))

    @classmethod
    def of_year(cls, session: Session, supporter: Supporter, year: int, charity: str) -> Receipt:
        """Raises NotFound where nothing was given that year."""
        found = gifts_of(session, supporter, year)
        if not found:
            raise NotFound("There are no gifts in that year.", field="year")
        return cls(charity, supporter.name, supporter.number, supporter.language, tuple(found), year)

    def pdf(self, now: datetime) -> bytes:
        made: bytes = typst.compile(
            "\n".join(self._source(now)).encode(),
            format="pdf",
            timestamp=now.astimezone(UTC).replace(microsecond=0),
            ignore_system_fonts=True,
        )
        return made

    def _source(self, now: datetime) -> Iterator[str]:
        words = _WORDS[self.locale]
        title = words["one"] if self.year is None else words["year"].format(year=self.year)
        yield f"#set document(title: {_text(title)})"
        yield f'#set text(font: "Libertinus Serif", size: 11pt, lang: {_text(self.locale)})'
        yield '#set page(paper: "a4", margin: 2.5cm, numbering: "1 / 1")'
        yield f'#text(weight: "bold", {_text(self.charity)})'
        yield "#v(1cm)"
        yield f"#heading(level: 1, {_text(title)})"
        yield f"#{_text(words['to'] + ': ' + self.name)} \\ #{_text(words['number'] + ': ' + self.number)}"
        yield "#v(0.5cm)"
        head = "".join(f"[*#{_text(words[key])}*]," for key in ("day", "reference", "fund", "back", "amount"))
        rows = "".join(self._row(gift) for gift in self.gifts)
        total = sum((gift.net for gift in self.gifts[1:]), self.gifts[0].net)
        yield f"#table(columns: 5, align: (left, left, left, right, right), table.header({head}), {rows}"
        yield f"table.cell(colspan: 4)[*#{_text(words['total'])}*],[*#{_text(self._money(total))}*])"
        yield "#v(0.5cm)"
        yield f"#{_text(words['made'].format(day=self._day(now.date()), charity=self.charity))}"

    def _row(self, gift: Gift) -> str:
        cells = (
            self._day(gift.received_on), f"G{gift.id}", ", ".join(sorted({d.fund.name for d in gift.designations})),
            self._money(gift.reversed) if gift.reversed else "", self._money(gift.net),
        )  # fmt: skip
        return "".join(f"[#{_text(cell)}]," for cell in cells)

    def _money(self, money: Money) -> str:
        return formats.money(money, self.locale)

    def _day(self, on: date) -> str:
        return formats.day(on, self.locale)


def gifts_of(session: Session, supporter: Supporter, year: int) -> list[Gift]:
    """What a person gave themselves in a year, oldest first, what wholly went back left out."""
    gifts = session.scalars(
        select(Gift)
        .where(
            Gift.supporter_id == supporter.id, Gift.kind != "bequest", Gift.received_on >= date(year, 1, 1),
            Gift.received_on < date(year + 1, 1, 1),
        )
        .options(selectinload(Gift.designations), selectinload(Gift.reversals))
        .order_by(Gift.received_on, Gift.id)
    )  # fmt: skip
    return [gift for gift in gifts if gift.net]


def _text(text: str) -> str:
    """As a string of typst's: whatever somebody is called, nothing of it is run."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
