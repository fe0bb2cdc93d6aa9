"""What can be given online just now: amounts, funds, ways to pay and their costs, and the words of the newsletter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.numbers import format_currency
from sqlalchemy import select
from sqlalchemy.orm import Session

from supporters.giving.fund import Fund
from supporters.money import Money
from supporters.payments.gateway import Method
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.rules import Rules
from supporters.people.consent import ConsentText

CURRENCY = "EUR"
#: Takes what is given without a purpose; it need not be named to be given to.
GENERAL = "general"


@dataclass(frozen=True, slots=True)
class Offer:
    """``once`` and ``lasting`` are the methods, each with the account that takes it; ``funds`` those that may be
    chosen, by code; ``text_ids`` the newsletter's words in force by language, None where nobody agreed to them yet.
    """

    rules: Rules
    once: Mapping[Method, str]
    lasting: Mapping[Method, str]
    funds: Mapping[str, str]
    text_ids: Mapping[str, int | None]
    #: Of all the funds that are open, whether or not they may be chosen.
    open_codes: frozenset[str]

    @classmethod
    def of(cls, session: Session, accounts: Accounts, rules: Rules, *, on: date) -> Offer:
        funds = {f.code: f.name for f in session.scalars(select(Fund).order_by(Fund.id)) if f.is_open(on)}
        named = [code for code in rules.funds if code in funds]
        return cls(
            rules,
            accounts.methods(lasting=False, currency=CURRENCY), accounts.methods(lasting=True, currency=CURRENCY),
            {code: funds[code] for code in (named if rules.funds else funds)},
            {locale: _number_of(session, locale, words) for locale, words in rules.newsletter.items()},
            frozenset(funds),
        )  # fmt: skip

    def methods(self, *, lasting: bool) -> Mapping[Method, str]:
        return self.lasting if lasting else self.once

    @property
    def intervals(self) -> tuple[str, ...]:
        """How often somebody may give; "once" among them."""
        lasting = self.rules.intervals if self.lasting else ()
        return ("once", *lasting) if self.once else tuple(lasting)

    def cost(self, method: str | None) -> int:
        """Cents that a payment by this method costs, where that is known."""
        return self.rules.costs.get(method or "", 0)

    def to_json(self, locale: str, names: Mapping[str, str]) -> dict[str, Any]:
        """For a form that builds itself; ``names`` are those of the methods."""
        words = self.rules.newsletter.get(locale, "")
        return {
            "locale": locale, "currency": CURRENCY, "amounts": [written(cents) for cents in self.rules.amounts],
            "smallest": written(self.rules.smallest), "largest": written(self.rules.largest),
            "intervals": list(self.intervals),
            "methods": {
                kind: [{"method": method, "name": names[method]} for method in found]
                for kind, found in (("once", self.once), ("lasting", self.lasting))
            },
            "costs": {method: written(cents) for method, cents in self.rules.costs.items()},
            "funds": [{"code": code, "name": name} for code, name in self.funds.items()],
            "newsletter": {"id": self.text_ids.get(locale), "text": words} if words else None,
        }  # fmt: skip


def written(cents: int) -> str:
    """As the API writes amounts: 12.50."""
    return str(Money(cents, CURRENCY).decimal)


def shown(money: Money, locale: str) -> str:
    """As people read it: € 25, € 12,50."""
    text: str = format_currency(money.decimal, money.currency, locale=locale)
    return text.replace("\xa0", " ").removesuffix(",00" if locale == "nl" else ".00")


def _number_of(session: Session, locale: str, words: str) -> int | None:
    digest = hashlib.sha256(words.encode()).hexdigest()
    return session.scalar(
        select(ConsentText.id).where(
            ConsentText.purpose == "newsletter", ConsentText.locale == locale, ConsentText.sha256 == digest
        )
    )
