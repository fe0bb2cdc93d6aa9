"""What a form for giving sends: read strictly, every mistake at once, and made into a checkout."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.errors import BadInput, Mistakes
from supporters.giving.fund import Fund
from supporters.links import may_return_to
from supporters.money import Money
from supporters.payments.online.checkout import Checkout, Person, Telling
from supporters.payments.online.offer import CURRENCY, GENERAL, Offer, shown
from supporters.payments.online.rules import LOCALES
from supporters.payments.online.telling import HEARD, LONGEST_MESSAGE, LONGEST_NAME, WORDS
from supporters.people import typed
from supporters.people.consent import ConsentText
from supporters.people.contact import clean_email

#: In the order of the form, which is the order of its mistakes.
FIELDS = (
    "amount", "amount_other", "interval", "fund", "method", "cover_costs", "first_name", "prefix", "surname",
    "last_name", "email", "newsletter", "consent_text_id", "locale", "source_code", "placement", "edition",
    "public_name", "message", "show_amount", "heard", "updates", "return_to", "submission_key", "altcha", "website",
)  # fmt: skip
_LONGEST = {
    "amount": 40, "amount_other": 40, "prefix": 40, "email": 254, "source_code": 40, "placement": 80, "edition": 80,
    "return_to": 500, "altcha": 2000, "public_name": LONGEST_NAME, "message": LONGEST_MESSAGE, "heard": 40,
}  # fmt: skip
_BOXES = ("cover_costs", "newsletter", "show_amount", "updates", "website")
#: What the radio button of one's own amount says.
OTHER = "other"
ONCE = "once"
BY = Actor("visitor", "giving form", "website")


@dataclass(frozen=True, slots=True)
class GivingForm:
    """A form that may be made into a checkout; ``read`` makes it from what was sent."""

    money: Money  # without the costs
    covered: int  # cents for the costs
    every: str | None  # None: once
    fund: str
    method: str | None  # None: the vendor asks
    account: str
    person: Person = field(repr=False)
    newsletter: bool
    consent_text_id: int | None
    locale: str
    source_code: str
    placement: str
    edition: str
    telling: Telling  # and what follows of it only where there is an edition
    show_amount: bool
    updates: bool
    heard: str | None
    return_to: str
    submission_key: str
    altcha: str  # the solved riddle, where there is one
    website: str  # nobody sees this field; a robot fills it in
    form_url: str

    @classmethod
    def read(
        cls, session: Session, sent: Mapping[str, object], offer: Offer, *, lasting: bool = False,
        own_pages: Iterable[str] = (), form_url: str = "",
    ) -> GivingForm:  # fmt: skip
        """Raises Mistakes with every field that is wrong. ``lasting``: an interval is needed, and is not "once"."""
        reading = _Reading(session, sent, offer)
        read = reading.texts
        every = reading.interval(lasting)
        money = reading.money()
        method, account = reading.method(every is not None)
        form = cls(
            money=money, every=every, method=method, account=account, fund=reading.fund(),
            covered=reading.costs(method), person=reading.person(), newsletter=reading.ticked("newsletter"),
            consent_text_id=reading.consent_text(), locale=reading.locale, source_code=reading.code("source_code"),
            placement=reading.code("placement"), edition=reading.code("edition"), telling=reading.telling(),
            show_amount=reading.ticked("show_amount"), updates=reading.ticked("updates"), heard=reading.heard(),
            return_to=reading.page(offer.rules.return_urls, own_pages), submission_key=read["submission_key"],
            altcha=read["altcha"], website=read["website"], form_url=form_url[:500],
        )  # fmt: skip
        if reading.errors:
            raise Mistakes(sorted(reading.errors, key=lambda error: FIELDS.index(error.field or FIELDS[-1])))
        return form

    @property
    def kind(self) -> str:
        return "commitment" if self.every else "gift"

    def open(self, session: Session, offer: Offer, *, now: datetime) -> Checkout:
        """The checkout for it: the same form sent again, with its key, is the same one."""
        consents = []
        if words := offer.rules.newsletter.get(self.locale):
            shown_text = ConsentText.say(session, "newsletter", self.locale, words, by=BY, now=now)
            if self.newsletter:
                consents = [{"purpose": "newsletter", "text_id": self.consent_text_id or shown_text.id}]
        tells = self.edition != ""
        consents += self._agreed(session, now) if tells else []
        return Checkout.open(
            session, self.kind, Money(self.money.amount + self.covered, self.money.currency), account=self.account,
            fund=Fund.by_code(session, self.fund), submission_key=self._key(), person=self.person, every=self.every,
            method=self.method, covered_costs=self.covered, consents=consents, locale=self.locale,
            source_code=self.source_code or None, placement=self.placement, edition=self.edition,
            telling=self.telling if tells else None, heard=self.heard if tells else None,
            return_to=self.return_to or None, form_url=self.form_url, now=now,
        )  # fmt: skip

    def _agreed(self, session: Session, now: datetime) -> list[dict[str, object]]:
        """What was said yes to about an edition, with the words that stood beside it."""
        said = {
            "show_name": self.telling.name, "show_message": self.telling.message, "show_amount": self.show_amount,
            "updates": self.updates,
        }  # fmt: skip
        agreed: list[dict[str, object]] = []
        for purpose in [purpose for purpose, yes in said.items() if yes]:
            text = ConsentText.say(session, purpose, self.locale, WORDS[purpose][self.locale], by=BY, now=now)
            agreed.append({"purpose": purpose, "text_id": text.id})
        return agreed

    def _key(self) -> str:
        """Who goes back and changes the amount asks for something else, though the page still has its key."""
        parts = [
            self.submission_key or secrets.token_hex(16), str(self.money), str(self.covered), self.every or ONCE,
            self.fund, self.method or "", self.person.first_name, self.person.prefix, self.person.surname,
            self.person.email, str(self.newsletter), self.telling.name, self.telling.message, str(self.show_amount),
            str(self.updates),
        ]  # fmt: skip
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


class _Reading:
    """One form while it is read; what is wrong gathers in ``errors``."""

    def __init__(self, session: Session, sent: Mapping[str, object], offer: Offer) -> None:
        self.session, self.offer = session, offer
        self.errors: list[BadInput] = []
        self.says_last_name = "last_name" in sent and "surname" not in sent
        self.texts = {name: self._text(name, sent.get(name)) for name in FIELDS}
        self.locale = self.texts["locale"] or LOCALES[0]
        if self.locale not in LOCALES:
            self.wrong("locale", "We write in nl or en, not in “%(language)s”.", language=self.locale[:10])
            self.locale = LOCALES[0]

    def wrong(self, name: str, template: str, **params: object) -> None:
        self.take(BadInput(template, field=name, **params))

    def take(self, error: BadInput) -> None:
        """One mistake a field is enough."""
        if error.field not in [each.field for each in self.errors]:
            self.errors.append(error)

    def _text(self, name: str, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool) and name in _BOXES:
            value = "1" if value else ""
        elif isinstance(value, bool):
            value = None
        elif isinstance(value, int) and name in ("amount", "amount_other", "consent_text_id"):
            value = str(value)[:50]
        if not isinstance(value, str):
            self.wrong(name, "This is a text, not a number, a list or an object.")
            return ""
        if name == "website":
            return value[:100]
        try:
            return typed.clean(name, value, _LONGEST.get(name, 100), lines=name == "message")
        except BadInput as error:
            self.take(error)
            return ""

    def money(self) -> Money:
        """The amount somebody wrote goes before the button they pressed."""
        chosen, own = self.texts["amount"], self.texts["amount_other"]
        name, text = ("amount_other", own) if own or chosen == OTHER else ("amount", chosen)
        rules, nothing = self.offer.rules, Money(0, CURRENCY)
        if not text:
            self.wrong(name, "Choose an amount, or write one such as 12,50.")
            return nothing
        try:
            money = Money.parse(text, CURRENCY)
        except BadInput as error:
            self.take(BadInput(error.template, field=name, **error.params))
            return nothing
        if money.amount < rules.smallest:
            least = shown(Money(rules.smallest, CURRENCY), self.locale)
            self.wrong(name, "The smallest amount is %(least)s.", least=least)
        elif money.amount > rules.largest:
            most = shown(Money(rules.largest, CURRENCY), self.locale)
            self.wrong(
                name, "Online we take at most %(most)s at once. Call or write to us: we gladly arrange it.", most=most
            )
        return money

    def interval(self, lasting: bool) -> str | None:
        known = [each for each in self.offer.intervals if not (lasting and each == ONCE)]
        chosen = self.texts["interval"] or (known[0] if known else "")
        if chosen not in known:
            self.wrong("interval", "Choose how often: %(known)s.", known=", ".join(known) or "–")
        return None if chosen == ONCE else chosen

    def method(self, lasting: bool) -> tuple[str | None, str]:
        known = {str(method): account for method, account in self.offer.methods(lasting=lasting).items()}
        chosen = self.texts["method"]
        if chosen and chosen not in known:
            self.wrong("method", "Choose how to pay: %(known)s.", known=", ".join(known) or "–")
        return chosen or None, known.get(chosen) or next(iter(known.values()), "")

    def costs(self, method: str | None) -> int:
        if not self.ticked("cover_costs"):
            return 0
        if method is None:
            self.wrong("method", "Choose how to pay: that says what the costs are.")
        return self.offer.cost(method)

    def fund(self) -> str:
        code = self.texts["fund"] or GENERAL
        if code not in self.offer.funds and code != GENERAL:
            self.wrong(
                "fund", "There is nothing called “%(code)s” to give to; there are: %(known)s.", code=code[:40],
                known=", ".join(self.offer.funds) or GENERAL,
            )  # fmt: skip
        elif code not in self.offer.open_codes:
            self.wrong("fund", "Nothing can be given to “%(code)s” just now.", code=code[:40])
        return code

    def person(self) -> Person:
        read = self.texts
        last = "last_name" if read["last_name"] and not read["surname"] else "surname"
        surname = read[last]
        if not read["first_name"]:
            self.wrong("first_name", "Fill in your first name.")
        if not surname:
            self.wrong("last_name" if self.says_last_name else "surname", "Fill in your surname.")
        for name in ("first_name", "prefix", last):
            if trouble := typed.not_a_name(name, read[name]):
                self.take(trouble)
        email = read["email"]
        try:
            email = clean_email(email) if email else ""
        except BadInput as error:
            self.take(error)
        if not read["email"]:
            self.wrong("email", "Fill in your e-mail address.")
        return Person(read["first_name"], surname, email, read["prefix"])

    def ticked(self, name: str) -> bool:
        try:
            return typed.ticked(name, self.texts[name])
        except BadInput as error:
            self.take(error)
            return False

    def telling(self) -> Telling:
        """What everybody may read: no web addresses, which somebody would write for their own good."""
        name, message = self.texts["public_name"], self.texts["message"]
        if trouble := typed.not_a_name("public_name", name):
            self.take(trouble)
        if typed.has_address(message):
            self.wrong("message", "There can be no web address in this field.")
        return Telling(name, message)

    def heard(self) -> str | None:
        chosen = self.texts["heard"]
        if chosen and chosen not in HEARD:
            self.wrong("heard", "Choose how you heard of it: %(known)s.", known=", ".join(HEARD))
        return chosen or None

    def consent_text(self) -> int | None:
        text = self.texts["consent_text_id"]
        if not text:
            return None
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
        found = self.session.get(ConsentText, number) if number else None
        if found is None or found.purpose != "newsletter":
            self.wrong("consent_text_id", "This is not the number of a consent text.")
        return number

    def code(self, name: str) -> str:
        text = self.texts[name]
        if text and not typed.is_source(text, _LONGEST[name]):
            self.wrong(name, "“%(code)s” is not a code, such as newsletter or street/utrecht.", code=text)
        return text

    def page(self, allowed: Iterable[str], own: Iterable[str]) -> str:
        url = self.texts["return_to"]
        if url and not may_return_to(url, [*allowed, *(f"{each}*" for each in own)]):
            self.wrong("return_to", "We do not know the page to return to.")
        return url
