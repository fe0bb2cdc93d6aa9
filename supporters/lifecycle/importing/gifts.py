"""Gifts from a file. What was booked once is not booked again, and what stands twice in one file is two gifts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from supporters import hooks
from supporters.actor import Actor
from supporters.giving.gift import KINDS, Designation, Gift
from supporters.giving.year import FinancialYear
from supporters.lifecycle.importing import parsing, words
from supporters.lifecycle.importing.columns import fields
from supporters.lifecycle.importing.lookups import Funds, find_supporters, system_of
from supporters.lifecycle.importing.plan import Row


class GiftImporter:
    fields = fields(
        "supporter_reference! reference referentie relatienummer relatienr donateursnummer klantnummer",
        "amount! bedrag",
        "received_on! ontvangen_op ontvangstdatum datum date boekdatum",
        "fund fonds bestemming",
        "kind soort",
        "description omschrijving",
        "source_code broncode herkomst",
        "source@",
    )

    def __init__(self, session: Session, settings: Mapping[str, str], bound: frozenset[str], *, on: date) -> None:
        self.on, self.system = on, system_of(settings)
        self._funds = Funds(session)
        closed = select(FinancialYear.year).where(FinancialYear.closed_at.is_not(None))
        self._closed = frozenset(session.scalars(closed))
        self._alike: Counter[bytes] = Counter()  # rows of this file that say the same

    def read(self, row: Row) -> None:
        if not row.text("supporter_reference", 120):
            row.error("supporter_reference", "This is empty, and cannot be: whose gift is it?")
        row.need("amount", parsing.money)
        received_on = row.need("received_on", partial(parsing.past_day, on=self.on))
        if received_on is not None and received_on.year in self._closed:
            row.error(
                "received_on",
                "The financial year %(year)s is closed: book a correction dated in an open year.",
                year=received_on.year,
            )
        row.values["fund"] = self._funds.find(row, received_on or self.on)
        row.take("kind", partial(parsing.choice, meanings=words.GIFT_KINDS))
        row.text("description", 500, free=True)
        row.text("source_code", 40)

    def resolve(self, session: Session, rows: Sequence[Row]) -> None:
        find_supporters(session, self.system, rows)
        for row in rows:
            if row.is_bad:
                continue
            supporter = row.values["supporter"]
            if row.values["kind"] is None and supporter.kind == "organisation" and not supporter.sector:
                row.error(
                    "kind",
                    "This is empty, and the giver is an organisation: what kind of income is it? There are: %(known)s.",
                    known=", ".join(KINDS),
                )
                continue
            row.values["kind"] = row.values["kind"] or supporter.sector or "gift"
            row.values["booking_key"] = self._booking_key(row)
        good = {row.values["booking_key"]: row for row in rows if not row.is_bad}
        if good:
            for key in session.scalars(select(Gift.booking_key).where(Gift.booking_key.in_(good))):
                good[key].is_known = True

    def _booking_key(self, row: Row) -> str:
        values = row.values
        said = (
            self.system, values["supporter_reference"], str(values["amount"]), values["received_on"].isoformat(),
            values["fund"][1], values["kind"], values["description"],
        )  # fmt: skip
        digest = hashlib.sha256("\x1f".join(said).encode()).digest()
        self._alike[digest] += 1
        return f"import:{hashlib.sha256(digest + str(self._alike[digest]).encode()).hexdigest()}"

    def write(self, session: Session, rows: Sequence[Row], *, by: Actor, now: datetime) -> None:
        gifts = [
            {
                "supporter_id": row.values["supporter"].id,
                "amount": row.values["amount"].amount,
                "currency": row.values["amount"].currency,
                "received_on": row.values["received_on"],
                "kind": row.values["kind"],
                "source_code": row.values["source_code"] or None,
                "description": row.values["description"],
                "booking_key": row.values["booking_key"],
                "booked_at": now,
                "booked_by": by.key,
            }
            for row in rows
        ]
        ids = session.scalars(insert(Gift).returning(Gift.id, sort_by_parameter_order=True), gifts).all()
        designations = [
            {
                "gift_id": key,
                "fund_id": row.values["fund"][0],
                "amount": row.values["amount"].amount,
                "made_at": now,
                "made_by": by.key,
            }
            for key, row in zip(ids, rows, strict=True)
        ]
        session.execute(insert(Designation), designations)
        hooks.fire("gifts_booked", session, gift_ids=list(ids), by=by, now=now)
