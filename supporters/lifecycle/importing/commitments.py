"""Commitments from a file, with their live mandates: what ran elsewhere goes on, and nothing is collected twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, aliased

from supporters.actor import Actor
from supporters.errors import AchterbanError
from supporters.giving.commitment import Commitment
from supporters.giving.mandate import LAPSE_MONTHS, Mandate, clean_reference
from supporters.giving.months import INTERVALS, add_months
from supporters.giving.term import Term
from supporters.lifecycle.importing import parsing, words
from supporters.lifecycle.importing.columns import BadMapping, fields
from supporters.lifecycle.importing.history import read_history
from supporters.lifecycle.importing.lookups import Funds, accounts_of, find_supporters, system_of
from supporters.lifecycle.importing.plan import Row
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement
from supporters.people.bank_account import BankAccount, clean_iban


class CommitmentImporter:
    fields = fields(
        "supporter_reference! reference referentie relatienummer relatienr donateursnummer klantnummer",
        "amount! bedrag",
        "interval! frequentie termijn periode frequency",
        "start_on! startdatum begindatum ingangsdatum start_date",
        "fund fonds bestemming",
        "method betaalwijze",
        "mandate_reference machtigingskenmerk mandaatkenmerk mandaat kenmerk_machtiging mandate_id",
        "mandate_signed_on tekendatum machtigingsdatum datum_ondertekening datum_machtiging",
        "mandate_evidence bewijs",
        "iban rekeningnummer bankrekening",
        "last_collected_on laatst_geincasseerd laatste_incasso",
        "last_instalment_number laatste_termijn laatste_termijnnummer",
        "source_code broncode herkomst",
        "source@",
        "creditor@",
    )

    def __init__(self, session: Session, settings: Mapping[str, str], bound: frozenset[str], *, on: date) -> None:
        self.on, self.system = on, system_of(settings)
        self._funds = Funds(session)
        self._creditor = ""
        if "mandate_reference" in bound or "creditor" in settings:
            self._creditor = _creditor(session, settings.get("creditor"))
        self._seen: dict[str, int] = {}  # mandate reference → line
        self._alike: Counter[tuple[Any, ...]] = Counter()  # promises without a mandate that say the same
        self._written: Counter[tuple[Any, ...]] = Counter()

    # -- reading ------------------------------------------------------------------------------------------------

    def read(self, row: Row) -> None:
        if not row.text("supporter_reference", 120):
            row.error("supporter_reference", "This is empty, and cannot be: whose promise is it?")
        row.need("amount", parsing.money)
        row.need("interval", partial(parsing.choice, meanings=words.INTERVALS))
        row.need("start_on", parsing.day)
        row.values["fund"] = self._funds.find(row, self.on)
        row.take("method", partial(parsing.choice, meanings=words.METHODS))
        row.take("mandate_reference", clean_reference)
        row.take("mandate_signed_on", partial(parsing.past_day, on=self.on))
        row.take("mandate_evidence", partial(parsing.choice, meanings=words.EVIDENCE))
        row.take("iban", clean_iban)
        row.take("last_collected_on", partial(parsing.past_day, on=self.on))
        row.take("last_instalment_number", parsing.whole_number)
        row.text("source_code", 40)
        if row.is_bad:
            return
        self._read_mandate(row)
        read_history(row, self.on)

    def _read_mandate(self, row: Row) -> None:
        values = row.values
        reference, signed_on, method = values["mandate_reference"], values["mandate_signed_on"], values["method"]
        values["method"] = method or ("sepa" if reference else "transfer")
        if reference is None:
            if signed_on or values["last_collected_on"] or method == "sepa":
                row.error("mandate_reference", "This is empty, and cannot be: a direct debit takes a mandate.")
            elif values["iban"] is not None:
                row.warn("mandate_reference", "There is an IBAN but no mandate: nothing will be collected from it.")
            return
        if method == "transfer":
            row.error("method", "This says it is not collected, yet there is a mandate: leave one of them out.")
        if signed_on is None:
            row.error("mandate_signed_on", "This is empty, and cannot be: the bank asks when the mandate was signed.")
            return
        used_on = values["last_collected_on"]
        if used_on is not None and used_on < signed_on:
            row.error(
                "last_collected_on",
                "%(used)s is before the mandate was signed (%(signed)s).",
                used=used_on.isoformat(), signed=signed_on.isoformat(),
            )  # fmt: skip
        elif add_months(used_on or signed_on, LAPSE_MONTHS) <= self.on:
            row.error(
                "last_collected_on" if used_on else "mandate_signed_on",
                "The mandate has lapsed: nothing was collected on it for %(months)s months. A new one must be signed.",
                months=LAPSE_MONTHS,
            )

    # -- comparing ----------------------------------------------------------------------------------------------

    def resolve(self, session: Session, rows: Sequence[Row]) -> None:
        find_supporters(session, self.system, rows)
        rows = [row for row in rows if not row.is_bad]
        for row in rows:
            reference = row.values["mandate_reference"]
            if reference and (first := self._seen.setdefault(reference, row.line)) != row.line:
                row.error(
                    "mandate_reference", "Mandate %(value)s is on line %(first)s too.", value=reference, first=first
                )
        rows = [row for row in rows if not row.is_bad]
        self._find_mandates(session, [row for row in rows if row.values["mandate_reference"]])
        self._find_alike(session, [row for row in rows if not row.values["mandate_reference"]])
        accounts = accounts_of(session, (row.values["supporter"].id for row in rows))
        for row in rows:
            if row.is_known:
                continue
            supporter = row.values["supporter"]
            if supporter.has_died:
                row.error("supporter_reference", "This supporter has died: no commitment can start.")
            known = accounts.get(supporter.id, {})
            if row.values["mandate_reference"] and row.values["iban"] is None:
                if len(known) != 1:
                    row.error(
                        "iban", "This is empty, and we know %(count)s accounts of this supporter.", count=len(known)
                    )
                row.values["iban"] = next(iter(known), None)
            row.values["account_id"] = known.get(row.values["iban"])

    def _find_mandates(self, session: Session, rows: Sequence[Row]) -> None:
        if not rows:
            return
        query = select(Mandate.id, Mandate.reference, Mandate.supporter_id, func.min(Commitment.id))
        query = query.outerjoin(Commitment, Commitment.mandate_id == Mandate.id).group_by(Mandate.id)
        query = query.where(
            Mandate.creditor_identifier == self._creditor,
            Mandate.reference.in_({row.values["mandate_reference"] for row in rows}),
        )
        known = {reference: (key, owner, used) for key, reference, owner, used in session.execute(query)}
        for row in rows:
            _, owner, used = known.get(row.values["mandate_reference"], (None, None, None))
            if owner is None:
                continue
            if owner != row.values["supporter"].id:
                row.error(
                    "mandate_reference",
                    "Mandate %(value)s belongs to another supporter (%(number)s).",
                    value=row.values["mandate_reference"], number=f"S{owner:07d}",
                )  # fmt: skip
            elif used is None:
                row.error(
                    "mandate_reference",
                    "Mandate %(value)s is there already, without a commitment: start that on the screen instead.",
                    value=row.values["mandate_reference"],
                )
            else:
                row.is_known = True

    def _find_alike(self, session: Session, rows: Sequence[Row]) -> None:
        """Promises without a mandate are the same where supporter, start, amount and interval are."""
        if not rows:
            return
        first = aliased(Term)
        query = (
            select(Commitment.supporter_id, Commitment.started_on, first.amount, first.interval_months, func.count())
            .join(first, first.commitment_id == Commitment.id)
            .where(
                Commitment.supporter_id.in_({row.values["supporter"].id for row in rows}),
                first.id == select(func.min(Term.id)).where(Term.commitment_id == Commitment.id).scalar_subquery(),
            )
            .group_by(Commitment.supporter_id, Commitment.started_on, first.amount, first.interval_months)
        )
        there = {tuple(found[:4]): found[4] for found in session.execute(query)}
        for row in rows:
            key = _alike(row)
            self._alike[key] += 1
            row.is_known = self._alike[key] <= there.get(key, 0) - self._written[key]

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, session: Session, rows: Sequence[Row], *, by: Actor, now: datetime) -> None:
        self._written.update(_alike(row) for row in rows)
        self._add_accounts(session, rows, by)
        signed = [row for row in rows if row.values["mandate_reference"]]
        mandates: dict[int, int] = {}  # line → id
        if signed:
            made = [self._mandate(row.values, by, now) for row in signed]
            ids = session.scalars(insert(Mandate).returning(Mandate.id, sort_by_parameter_order=True), made)
            mandates = {row.line: key for row, key in zip(signed, ids, strict=True)}
        commitments = [self._commitment(row.values, mandates.get(row.line), by, now) for row in rows]
        keys = session.scalars(insert(Commitment).returning(Commitment.id, sort_by_parameter_order=True), commitments)
        terms = [
            {
                "commitment_id": key,
                "amount": row.values["amount"].amount,
                "interval_months": INTERVALS[row.values["interval"]],
                "anchor_on": row.values["next_due_on"],
                "anchor_day": row.values["start_on"].day,
                "first_number": row.values["next_number"],
                "reason": "imported",
                "recorded_at": now,
                "recorded_by": by.key,
            }
            for key, row in zip(keys, rows, strict=True)
        ]
        term_ids = session.scalars(insert(Term).returning(Term.id, sort_by_parameter_order=True), terms)
        told = [
            {
                "term_id": key,
                "amount": row.values["amount"].amount,
                "first_due_on": row.values["next_due_on"],
                "channel": "imported",
                # It was collected then, so its donor had been told by then, and at the latest when it began.
                "announced_on": min(row.values["start_on"], row.values["last_collected_on"]),
                "evidence": "migrated",
                "recorded_at": now,
                "recorded_by": by.key,
            }
            for key, row in zip(term_ids, rows, strict=True)
            if row.values["last_collected_on"] is not None
        ]
        if told:
            session.execute(insert(Announcement), told)

    def _add_accounts(self, session: Session, rows: Sequence[Row], by: Actor) -> None:
        new = {
            (row.values["supporter"].id, row.values["iban"])
            for row in rows
            if row.values["iban"] and row.values["account_id"] is None
        }
        made = [
            {"supporter_id": owner, "iban": iban, "from_on": self.on, "recorded_by": by.key}
            for owner, iban in sorted(new)
        ]
        if made:
            ids = session.scalars(insert(BankAccount).returning(BankAccount.id, sort_by_parameter_order=True), made)
            keys = {(one["supporter_id"], one["iban"]): key for one, key in zip(made, ids, strict=True)}
            for row in rows:
                row.values["account_id"] = row.values["account_id"] or keys.get(
                    (row.values["supporter"].id, row.values["iban"])
                )

    def _mandate(self, values: Mapping[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        used_on = values["last_collected_on"]
        return {
            "supporter_id": values["supporter"].id,
            "bank_account_id": values["account_id"],
            "creditor_identifier": self._creditor,
            "reference": values["mandate_reference"],
            "kind": "recurring" if INTERVALS[values["interval"]] else "one_off",
            "evidence_kind": values["mandate_evidence"] or "paper",
            "signed_on": values["mandate_signed_on"],
            "first_used_on": used_on and max(min(values["start_on"], used_on), values["mandate_signed_on"]),
            "last_used_on": used_on,
            "created_at": now,
            "created_by": by.key,
        }

    def _commitment(
        self, values: Mapping[str, Any], mandate_id: int | None, by: Actor, now: datetime
    ) -> dict[str, Any]:
        return {
            "supporter_id": values["supporter"].id,
            "fund_id": values["fund"][0],
            "mandate_id": mandate_id,
            "method": values["method"],
            "currency": values["amount"].currency,
            "started_on": values["start_on"],
            "source_code": values["source_code"] or None,
            "next_number": values["next_number"],
            "next_due_on": values["next_due_on"],
            "created_at": now,
            "created_by": by.key,
        }


def _alike(row: Row) -> tuple[Any, ...]:
    values = row.values
    return values["supporter"].id, values["start_on"], values["amount"].amount, INTERVALS[values["interval"]]


def _creditor(session: Session, wanted: str | None) -> str:
    try:
        return CreditorAccount.only(session, wanted).identifier
    except AchterbanError as error:
        raise BadMapping(
            "%(why)s The mandates of this file belong to one: give --set creditor=IBAN.",
            field="creditor",
            why=error.message,
        ) from error
