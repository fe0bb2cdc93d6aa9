"""Supporters from a file: each is known by its reference in the system it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.audit import AuditEntry
from supporters.lifecycle.importing import parsing, words
from supporters.lifecycle.importing.columns import fields
from supporters.lifecycle.importing.lookups import accounts_of, by_reference, system_of
from supporters.lifecycle.importing.plan import Row
from supporters.people import names
from supporters.people.bank_account import BankAccount, clean_iban
from supporters.people.contact import ContactPoint, clean_email, clean_phone, clean_postcode
from supporters.people.folding import fold
from supporters.people.names import Name
from supporters.people.reference import ExternalReference
from supporters.people.search import reindex
from supporters.people.supporter import Supporter

_HOUSE_NUMBER = re.compile(r"(\d{1,5})\s*[-/ ]?\s*(\D.{0,39})?")
_ADDRESS = ("street", "house_number", "house_addition", "postcode", "city")
#: What is compared where somebody is known already.
_CONTACT = ("email", "phone", "postcode")
_COMPARED = ("first_name", "initials", "prefix", "surname", "organisation_name", "birth_date", *_CONTACT)


class SupporterImporter:
    fields = fields(
        "reference! referentie relatienummer relatienr donateursnummer klantnummer id",
        "kind soort",
        "first_name voornaam roepnaam given_name",
        "initials voorletters initialen",
        "prefix tussenvoegsel tussenvoegsels voorvoegsel voorvoegsels",
        "surname achternaam familienaam last_name family_name",
        "organisation organisatie organization organisatienaam bedrijf bedrijfsnaam company",
        "form_of_address aanspreekvorm",
        "email e-mail emailadres mail email_address",
        "phone telefoon telefoonnummer tel mobiel phone_number",
        "street straat straatnaam",
        "house_number huisnummer huisnr street_number",
        "house_addition toevoeging huisnummertoevoeging",
        "postcode postal_code zip zipcode",
        "city plaats woonplaats plaatsnaam town",
        "country land landcode",
        "birth_date geboortedatum date_of_birth dob",
        "language taal",
        "iban rekeningnummer bankrekening bankrekeningnummer",
        "joined_on relatie_sinds donateur_sinds",
        "source_code broncode herkomst",
        "source@",
    )

    def __init__(self, session: Session, settings: Mapping[str, str], bound: frozenset[str], *, on: date) -> None:
        self.on, self.system = on, system_of(settings)
        self._seen: dict[str, int] = {}  # reference → line

    # -- reading ------------------------------------------------------------------------------------------------

    def read(self, row: Row) -> None:
        if not row.text("reference", 120):
            row.error("reference", "This is empty, and cannot be: every supporter needs the number they are known by.")
        country = row.take("country", parsing.country) or "NL"
        row.values["country"] = country
        self._read_name(row, country)
        row.take("form_of_address", partial(parsing.choice, meanings=words.FORMS))
        row.take("email", clean_email)
        row.take("phone", partial(clean_phone, country=country))
        self._read_address(row, country)
        row.take("birth_date", partial(parsing.past_day, on=self.on))
        row.take("language", partial(parsing.choice, meanings=words.LANGUAGES))
        row.take("iban", clean_iban)
        row.take("joined_on", partial(parsing.past_day, on=self.on))
        row.text("source_code", 40)

    def _read_name(self, row: Row, country: str) -> None:
        given = Name(row.text("first_name"), row.text("initials", 40), row.text("prefix", 40), row.text("surname"))
        organisation = row.text("organisation")
        kind = row.take("kind", partial(parsing.choice, meanings=words.KINDS))
        if kind is None:
            kind = "organisation" if organisation and not (given.first_name or given.surname) else "person"
        if kind == "organisation":
            organisation = organisation or given.surname
            if not organisation:
                row.error("organisation", "An organisation needs its name.")
            given = Name() if organisation == given.surname else given
        elif not (given.surname or given.first_name):
            row.error("surname", "A person needs a surname or a first name.")
        mended = mend(given, country)
        if mended.surname != names.split_surname(given.surname)[1] and mended.surname != given.surname:
            row.notes.append("capitals mended in a surname")
        if mended.prefix and not given.prefix:
            row.notes.append("prefix taken off a surname")
        row.values.update(
            kind=kind, first_name=mended.first_name, initials=mended.initials, prefix=mended.prefix,
            surname=mended.surname, organisation_name=organisation,
        )  # fmt: skip

    def _read_address(self, row: Row, country: str) -> None:
        row.text("street")
        number, addition = row.text("house_number", 40), row.text("house_addition", 40)
        if (found := _HOUSE_NUMBER.fullmatch(number)) and found[2] and not addition:
            number, addition = found[1], found[2].strip()
        row.values.update(house_number=number, house_addition=addition)
        if row.text("postcode", 16):
            row.take("postcode", partial(clean_postcode, country=country))
        row.text("city")

    # -- comparing ----------------------------------------------------------------------------------------------

    def resolve(self, session: Session, rows: Sequence[Row]) -> None:
        for row in rows:
            reference = row.values["reference"]
            if (first := self._seen.setdefault(reference, row.line)) != row.line:
                row.error("reference", "Reference %(value)s is on line %(first)s too.", value=reference, first=first)
        known = by_reference(session, self.system, (row.values["reference"] for row in rows))
        there = [row for row in rows if row.values["reference"] in known and not row.is_bad]
        if not there:
            return
        ids = {known[row.values["reference"]].id for row in there}
        stored, ibans = _stored(session, ids), accounts_of(session, ids)
        for row in there:
            row.is_known = True
            key = known[row.values["reference"]].id
            for name in _COMPARED:
                ours, theirs = stored[key].get(name), row.values.get(name)
                if theirs and ours != theirs:
                    self._differs(row, name, ours, theirs)
            if (iban := row.values.get("iban")) and iban not in ibans.get(key, {}):
                self._differs(row, "iban", ", ".join(ibans.get(key, {})), iban)

    @staticmethod
    def _differs(row: Row, name: str, ours: Any, theirs: Any) -> None:
        field = "organisation" if name == "organisation_name" else name
        row.warn(
            field,
            "This supporter is there already with “%(ours)s” where the file has “%(theirs)s”; it was left as it is.",
            ours=str(ours or ""), theirs=str(theirs),
        )  # fmt: skip

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, session: Session, rows: Sequence[Row], *, by: Actor, now: datetime) -> None:
        new = [self._supporter(row.values, now) for row in rows]
        ids = session.scalars(insert(Supporter).returning(Supporter.id, sort_by_parameter_order=True), new).all()
        references, points, accounts, trace = [], [], [], []
        for row, key in zip(rows, ids, strict=True):
            references.append({"supporter_id": key, "system": self.system, "value": row.values["reference"]})
            points += self._contact_points(row.values, key, by)
            if iban := row.values["iban"]:
                accounts.append({"supporter_id": key, "iban": iban, "from_on": self.on, "recorded_by": by.key})
            trace.append(
                {
                    "at": now,
                    "by": by.key,
                    "via": by.via,
                    "verb": "welcome",
                    "subject": "supporter",
                    "subject_id": key,
                    "supporter_id": key,
                    "detail": {"line": row.line},
                }
            )
        for table, new_rows in (
            (ExternalReference, references),
            (ContactPoint, points),
            (BankAccount, accounts),
            (AuditEntry, trace),
        ):
            if new_rows:
                session.execute(insert(table), new_rows)
        reindex(session, ids)

    def _supporter(self, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        form = values["form_of_address"]
        made = {
            name: values[name]
            for name in ("kind", "first_name", "initials", "prefix", "surname", "organisation_name", "birth_date")
        }
        name = Name(made["first_name"], made["initials"], made["prefix"], made["surname"])
        sort_name = made["organisation_name"] if made["kind"] == "organisation" else names.sort_key(name)
        return made | {
            "form_of_address": None if form == "none" else form,
            "language": values["language"] or "nl",
            "sort_name": fold(sort_name)[:320],
            "source_code": values["source_code"] or None,
            "joined_on": values["joined_on"] or self.on,
            "created_at": now,
        }

    def _contact_points(self, values: Mapping[str, Any], key: int, by: Actor) -> list[dict[str, Any]]:
        # One list of rows goes in at once, so that each has all columns.
        bare: dict[str, Any] = dict.fromkeys((*_ADDRESS, "value"), "")
        bare |= {"country": values["country"], "from_on": self.on, "recorded_by": by.key, "supporter_id": key}
        points = [bare | {"kind": kind, "value": values[kind]} for kind in ("email", "phone") if values[kind]]
        address = {name: values[name] or "" for name in _ADDRESS}
        if any(address.values()):
            points.append(bare | address | {"kind": "address"})
        return points


def mend(name: Name, country: str) -> Name:
    """The name as its bearer would write it, as far as that shows. Belgians keep their prefix as it stands."""
    if country == "BE" and not name.prefix:
        initials = names.normalise_initials(name.initials)
        return Name(names.mend_capitals(name.first_name), initials, "", names.mend_capitals(name.surname))
    mended = names.mend(name)
    lower = mended.prefix.lower()
    return replace(mended, prefix=lower) if country != "BE" and names.is_prefix(lower) else mended


def _stored(session: Session, ids: set[int]) -> dict[int, dict[str, Any]]:
    """What is known of these supporters, by the names in ``_COMPARED``."""
    columns = [getattr(Supporter, name) for name in _COMPARED if name not in _CONTACT]
    query = select(Supporter.id, *columns).where(Supporter.id.in_(ids))
    found = {one.id: dict(one._mapping) for one in session.execute(query)}
    points = select(ContactPoint.supporter_id, ContactPoint.kind, ContactPoint.value, ContactPoint.postcode)
    for key, kind, value, postcode in session.execute(
        points.where(ContactPoint.supporter_id.in_(ids), ContactPoint.until_on.is_(None))
    ):
        found[key]["postcode" if kind == "address" else kind] = postcode if kind == "address" else value
    return found
