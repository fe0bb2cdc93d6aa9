"""What a gift tells of itself: the link its form came through, the reference on its transfer, its source code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.crowdfunding.page import FundraisingPage
from campaigns.edition import Edition
from campaigns.placement import Placement, placement_ids_in
from supporters.bulk import among
from supporters.payments.bank.line import BankLine
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.payment import OnlinePayment


@dataclass(slots=True)
class Claim:
    """A gift, and what it is thanks to."""

    gift: Any  # its row, as the credit reads it
    edition: Edition
    page: FundraisingPage | None = None
    placement: Placement | None = None
    how: str = "link"
    kind: str | None = None
    heard: str | None = None  # what the giver said of how they heard of it


class Reader:
    """Finds what gifts tell of themselves."""

    def __init__(self, session: Session, editions: Sequence[Edition], rows: Sequence[Any]) -> None:
        self.session, self.rows = session, rows
        self.by_slug = {each.slug: each for each in editions}
        self.by_id = {each.id: each for each in editions}
        self.by_campaign: dict[int, list[Edition]] = {}
        for each in editions:
            self.by_campaign.setdefault(each.campaign_id, []).append(each)
        self._pages: dict[tuple[int, str], FundraisingPage | None] = {}
        self.campaigns = {each.campaign.code: each.campaign_id for each in editions}

    @cached_property
    def placements(self) -> dict[int, Placement]:
        placed = self.session.scalars(select(Placement).where(Placement.edition_id.in_(self.by_id)))
        return {each.id: each for each in placed}

    @cached_property
    def codes(self) -> dict[tuple[int, str], Placement]:
        return {(each.edition_id, each.code): each for each in self.placements.values()}

    def claims(self) -> Iterator[Claim]:
        links, references = self._links(), self._references()
        for row in self.rows:
            said = links.get(("payment", self._number(row, "payment"))) or links.get(("commitment", row.commitment_id))
            claim = self._by_link(row, *said) if said else None
            if claim is None and (placement := references.get(self._number(row, "bank"))) is not None:
                claim = Claim(row, self.by_id[placement.edition_id], None, placement, "reference")
            if claim is None and row.source_code:
                claim = self._by_source(row)
            if claim is not None:
                yield claim

    @staticmethod
    def _number(row: Any, what: str) -> int | None:
        """17 of a booking key "payment:17"."""
        parts = row.booking_key.split(":")
        return int(parts[1]) if parts[0] == what and len(parts) > 1 and parts[1].isdecimal() else None

    def _links(self) -> dict[tuple[str, int | None], tuple[str, str, str | None]]:
        """What the online form was told, by payment, and by the commitment it began."""
        told = (Checkout.edition != "") | (Checkout.placement != "")
        payments = [number for row in self.rows if (number := self._number(row, "payment")) is not None]
        promised = [row.commitment_id for row in self.rows if row.commitment_id is not None]
        found: dict[tuple[str, int | None], tuple[str, str, str | None]] = {}
        said = Checkout.edition, Checkout.placement, Checkout.heard
        if promised:
            query = select(Checkout.commitment_id, *said).where(
                among(self.session, Checkout.commitment_id, promised), Checkout.kind == "commitment", told
            )
            found |= {("commitment", row[0]): (row[1], row[2], row[3]) for row in self.session.execute(query)}
        if payments:
            query = (
                select(OnlinePayment.payment_id, *said)
                .join(Checkout, Checkout.id == OnlinePayment.checkout_id)
                .where(among(self.session, OnlinePayment.payment_id, payments), told)
            )
            found |= {("payment", row[0]): (row[1], row[2], row[3]) for row in self.session.execute(query)}
        return found

    def _by_link(self, row: Any, edition: str, placement: str, heard: str | None) -> Claim | None:
        """``edition`` is its address, with that of a page after a slash."""
        slug, _, page = edition.partition("/")
        if (found := self.by_slug.get(slug)) is None:
            return None
        if page and (found.id, page) not in self._pages:
            named = FundraisingPage.edition_id == found.id, FundraisingPage.slug == page
            self._pages[found.id, page] = self.session.scalar(select(FundraisingPage).where(*named))
        return Claim(
            row, found, self._pages.get((found.id, page)),
            self.codes.get((found.id, placement)) if placement else None, heard=heard,
        )  # fmt: skip

    def _references(self) -> dict[int | None, Placement]:
        """The placement whose reference a bank line carries, by line."""
        lines = [number for row in self.rows if (number := self._number(row, "bank")) is not None]
        if not lines or not self.placements:
            return {}
        query = select(BankLine.id, BankLine.creditor_reference, BankLine.text).where(
            among(self.session, BankLine.id, lines)
        )
        return {
            line_id: self.placements[number]
            for line_id, reference, text in self.session.execute(query)
            for number in placement_ids_in(f"{reference} {text}") if number in self.placements
        }  # fmt: skip

    def _by_source(self, row: Any) -> Claim | None:
        code, _, placement = row.source_code.partition("/")
        edition = Edition.running(self.by_campaign.get(self.campaigns.get(code, 0), ()), row.received_on)
        if edition is None:
            return None
        return Claim(row, edition, None, self.codes.get((edition.id, placement)) if placement else None, "source")
