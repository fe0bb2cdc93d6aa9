"""What a form sends: read strictly, so that nothing that should not be stored gets past here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from campaigns.petitions.signature import Person
from campaigns.petitions.wording import ASKED, LOCALES
from supporters.errors import BadInput, Mistakes
from supporters.people import typed
from supporters.people.contact import clean_email, clean_postcode
from supporters.people.typed import is_source as is_source

#: Fields of every form; what a petition does not ask is left out of its form.
FIELDS = (
    "first_name", "last_name", "email", "town", "postcode", "show_name", "updates", "newsletter", "consent",
    "consent_text_id", "locale", "return_to", "submission_key", "altcha", "website", "comment", "source", "street",
    "house_number", "birth_date",
)  # fmt: skip
_LONGEST = {"email": 254, "comment": 1000, "return_to": 500, "submission_key": 100, "altcha": 2000, "source": 40}


@dataclass(frozen=True, slots=True)
class SignatureForm:
    """A form that may be stored. ``read`` makes it from what a browser sent; a program fills it in directly."""

    first_name: str
    last_name: str
    email: str
    consent: bool = False
    town: str = ""
    postcode: str = ""
    comment: str = ""
    show_name: bool = False
    updates: bool = False
    newsletter: bool = False
    consent_text_id: int | None = None
    locale: str = "nl"
    return_to: str = ""
    submission_key: str = ""
    altcha: str = ""
    website: str = ""  # nobody sees this field; a robot fills it in
    source: str = ""
    street: str = ""
    house_number: str = ""
    birth_date: str = ""
    form_url: str = ""  # the page the form was on
    unknown: tuple[str, ...] = field(default=(), compare=False)  # fields we do not know, for the web team
    is_checked: bool = field(default=False, compare=False)  # ``read`` found no mistake in it

    @classmethod
    def read(cls, sent: Mapping[str, object], *, form_url: str = "") -> SignatureForm:
        """Raises Mistakes with every field that is wrong."""
        errors: list[BadInput] = []
        texts: dict[str, str] = {}
        for name in FIELDS:
            value = sent.get(name)
            if value is None or value == "":  # most fields of most forms
                texts[name] = ""
                continue
            if isinstance(value, bool):
                value = "1" if value else ""
            elif isinstance(value, int) and name == "consent_text_id":
                value = str(value)
            if not isinstance(value, str):
                errors.append(BadInput("This is a text, not a list or an object.", field=name))
                value = ""
            try:
                texts[name] = typed.clean(name, value, _LONGEST.get(name, 100), lines=name == "comment")
            except BadInput as error:
                errors.append(error)
                texts[name] = ""
        texts["locale"] = texts["locale"] or "nl"
        flags = {}
        for name in ("show_name", "updates", "newsletter", "consent"):
            try:
                flags[name] = typed.ticked(name, texts[name])
            except BadInput as error:
                errors.append(error)
                flags[name] = False
        text_id = texts["consent_text_id"]
        if text_id and not (text_id.isascii() and text_id.isdigit() and len(text_id) < 16):
            errors.append(BadInput("This is not the number of a consent text.", field="consent_text_id"))
            text_id = ""
        given: dict[str, Any] = {**texts, **flags, "consent_text_id": int(text_id) if text_id else None}
        unknown = tuple(sorted(str(name)[:40] for name in sent.keys() - set(FIELDS)))[:20]
        if texts["email"]:
            try:
                given["email"] = clean_email(texts["email"])
            except BadInput as error:
                errors.append(error)
        form = cls(**given, form_url=form_url[:500], unknown=unknown, is_checked=True)
        found = {error.field for error in errors}
        errors += [error for error in form.mistakes() if error.field not in found]
        if errors:
            raise Mistakes(sorted(errors, key=lambda error: FIELDS.index(error.field or "") if error.field else -1))
        return form

    def mistakes(self, *, with_identity: bool = False) -> list[BadInput]:
        """What is wrong with the values; ``with_identity`` asks what a citizens' initiative needs."""
        found: list[BadInput] = []

        def wrong(name: str, template: str, **params: object) -> None:
            found.append(BadInput(template, field=name, **params))

        if not self.first_name:
            wrong("first_name", "Fill in your first name.")
        if not self.last_name:
            wrong("last_name", "Fill in your surname.")
        for name in ("first_name", "last_name", "town", "street", "house_number"):
            if trouble := typed.not_a_name(name, getattr(self, name)):
                found.append(trouble)
        if not self.email:
            wrong("email", "Fill in your e-mail address.")
        elif not self.is_checked:
            try:
                clean_email(self.email)
            except BadInput as error:
                found.append(error)
        if self.locale not in LOCALES:
            wrong("locale", "We write in nl or en, not in “%(language)s”.", language=self.locale[:10])
        if self.source and not is_source(self.source):
            wrong(
                "source", "“%(source)s” is not a source code, such as newsletter or street/utrecht.", source=self.source
            )
        if with_identity:
            for name in ("street", "house_number", "postcode", "town", "birth_date"):
                if not getattr(self, name):
                    wrong(name, "A citizens' initiative needs this of everybody who signs.")
            if self.postcode:
                try:
                    clean_postcode(self.postcode)
                except BadInput as error:
                    found.append(error)
        if self.birth_date:
            try:
                date.fromisoformat(self.birth_date)
            except ValueError:
                wrong("birth_date", "“%(value)s” is not a date; write it as 1980-05-31.", value=self.birth_date[:20])
        if not self.consent:
            wrong("consent", "Tick this box: without your consent we may not keep your signature.")
        return found

    @property
    def person(self) -> Person:
        return Person(
            self.first_name, self.last_name, self.town, self.postcode, self.comment, self.street, self.house_number,
            self.birth_date,
        )  # fmt: skip

    def granted(self) -> tuple[str, ...]:
        """The purposes that were said yes to."""
        return tuple(p for p in ASKED if p == "sign" or getattr(self, p))

    def content_hash(self) -> bytes:
        """The same form sent again has the same one; its keys are no part of it."""
        parts = [
            self.first_name, self.last_name, self.email, self.town, self.postcode, self.comment, self.street,
            self.house_number, self.birth_date, self.locale, str(self.consent_text_id), *self.granted(),
        ]  # fmt: skip
        return hashlib.sha256("\x1f".join(parts).encode()).digest()


def most_of(name: str) -> int:
    """How many characters fit in a field."""
    return _LONGEST.get(name, 100)
