"""A form for giving on a page of the site itself: ``achterban_donate()`` in a template."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import get_template_attribute, url_for
from markupsafe import Markup

from supporters.errors import BadInput
from supporters.money import Money
from supporters.payments.online.form import ONCE, OTHER
from supporters.payments.online.offer import CURRENCY, Offer, shown, written
from supporters.payments.online.telling import LONGEST_MESSAGE, LONGEST_NAME, WORDS
from supporters.people import typed
from supporters.web import giving_words, language
from supporters.web.desk import desk

#: What a page says about where a gift comes from and what it is for; nobody sees it in the form.
HIDDEN = ("fund", "source_code", "placement", "edition", "return_to")
#: Those that are codes, with how long they may be.
_CODES = {"source_code": 40, "placement": 80, "edition": 80}


@dataclass(frozen=True, slots=True)
class Donating:
    """Shown by itself it is the form in its element, with the script; ``form()`` is the form alone."""

    offer: Offer
    reader: language.Reader
    values: Mapping[str, Any]
    errors: Mapping[str, str]
    hidden: Mapping[str, str]
    amounts: tuple[int, ...]
    intervals: tuple[str, ...]

    @classmethod
    def find(
        cls, *, locale: str | None = None, amounts: Iterable[int | str] = (), intervals: Iterable[str] = (),
        amount: str = "", interval: str = "", fund: str = "", source_code: str = "", placement: str = "",
        edition: str = "", return_to: str = "",
    ) -> Donating:  # fmt: skip
        """In the language given, else the visitor's own. ``amounts`` are euros: 10, "12,50"."""
        hidden = {
            "fund": fund, "source_code": source_code, "placement": placement, "edition": edition,
            "return_to": return_to,
        }  # fmt: skip
        typed_first = {"amount": amount, "interval": interval}
        return cls._made(language.reader(locale), typed_first, {}, hidden, amounts=amounts, intervals=intervals)

    @classmethod
    def linked(cls, asked: Mapping[str, str], reader: language.Reader) -> Donating:
        """What a link to our own page says; what it says wrong is left out, for nobody who gives can mend it."""
        hidden = {name: asked.get(name, "") for name in ("placement", "edition")}
        hidden["source_code"] = asked.get("source", "")
        hidden["fund"] = asked.get("fund", "") if asked.get("fund") in _offer().funds else ""
        typed_first = {"amount": asked.get("amount", ""), "interval": asked.get("interval", "")}
        return cls._made(reader, typed_first, {}, hidden)

    @classmethod
    def again(cls, sent: Mapping[str, Any], errors: Mapping[str, str], reader: language.Reader) -> Donating:
        """With what was typed, and what is wrong with it."""
        texts = {name: value for name, value in sent.items() if isinstance(value, str)}
        found = cls._made(reader, texts, errors, {name: texts.get(name, "") for name in HIDDEN})
        asked = {name: text for name, text in found.hidden.items() if name not in errors}  # What is wrong is asked for.
        return replace(found, hidden=asked)

    @classmethod
    def _made(
        cls, reader: language.Reader, values: Mapping[str, Any], errors: Mapping[str, str], hidden: Mapping[str, str],
        *, amounts: Iterable[int | str] = (), intervals: Iterable[str] = (),
    ) -> Donating:  # fmt: skip
        offer = _offer()
        suggested = tuple(Money.eur(each).amount for each in amounts) or offer.rules.amounts
        wanted = tuple(each for each in intervals if each in offer.intervals) or offer.intervals
        first = dict(values)
        if first.get("interval") not in wanted:
            first["interval"] = wanted[0] if wanted else ""
        if not errors:
            _choose_amount(first, suggested)
        first.setdefault("submission_key", secrets.token_urlsafe(18))
        kept = {name: text for name, text in hidden.items() if text and (errors or _is_right(name, text))}
        return cls(offer, reader, first, errors, kept, suggested, wanted)

    # -- what a template shows ------------------------------------------------------------------------------------

    @property
    def buttons(self) -> list[tuple[str, str]]:
        """The amounts, as they are sent and as people read them."""
        return [(written(cents), shown(Money(cents, CURRENCY), self.reader.locale)) for cents in self.amounts]

    @property
    def methods(self) -> list[tuple[str, str]]:
        """Every way to pay; one that only does once says so where there is a choice."""
        names, say = giving_words.methods(self.reader), self.reader.say
        has_choice = ONCE in self.intervals and len(self.intervals) > 1
        found: list[tuple[str, str]] = []
        for method in dict.fromkeys([*self.offer.once, *self.offer.lasting]):
            only_once = has_choice and method not in self.offer.lasting
            name = names[method]
            found.append((method, say("%(method)s (once only)", method=name) if only_once else name))
        return found

    @property
    def how_often(self) -> list[tuple[str, str]]:
        names = giving_words.intervals(self.reader)
        return [(interval, names[interval]) for interval in self.intervals]

    @property
    def funds(self) -> list[tuple[str, str]]:
        """Those to choose from; none where the page chose."""
        return [] if self.hidden.get("fund") or len(self.offer.funds) < 2 else list(self.offer.funds.items())

    @property
    def costs(self) -> list[tuple[str, str]]:
        """What the ways to pay cost, by their names."""
        names = giving_words.methods(self.reader)
        known = {method for method, _ in self.methods}
        return [
            (names[method], shown(Money(cents, CURRENCY), self.reader.locale))
            for method, cents in self.offer.rules.costs.items()
            if method in known
        ]

    @property
    def consent(self) -> tuple[int | None, str] | None:
        """The words beside the newsletter's box with their number; None where it is not asked."""
        words = self.offer.rules.newsletter.get(self.reader.locale)
        return (self.offer.text_ids.get(self.reader.locale), words) if words else None

    @property
    def telling(self) -> dict[str, Any] | None:
        """The words beside what can be told along with a gift to an edition; None where there is no edition."""
        if not self.hidden.get("edition"):
            return None
        return {
            "words": {purpose: words[self.reader.locale] for purpose, words in WORDS.items()},
            "heard": giving_words.heard(self.reader), "longest_name": LONGEST_NAME, "longest_message": LONGEST_MESSAGE,
        }  # fmt: skip

    @property
    def widget(self) -> str:
        """The script of the element."""
        return url_for("achterban_giving.widget")

    def form(self) -> Markup:
        """Works without a script."""
        made: Markup = get_template_attribute("achterban/donate_form.html", "donate_form")(self)
        return made

    def live(self) -> Markup:
        """The form in its element: without JavaScript it stays what it is."""
        script = Markup('<script src="{}" defer></script>').format(self.widget)
        src = url_for("achterban_giving_api.giving").removesuffix("api/giving")
        element = Markup('<achterban-donate src="{}" locale="{}">{}</achterban-donate>')
        return script + element.format(src, self.reader.locale, self.form())

    def __html__(self) -> Markup:
        return self.live()


def _is_right(name: str, text: str) -> bool:
    """A code that is written wrong, as links have them, would stand in somebody's way who can do nothing about it."""
    return name not in _CODES or typed.is_source(text, _CODES[name])


def _choose_amount(first: dict[str, Any], suggested: tuple[int, ...]) -> None:
    """The button of the amount that was asked for, or else that amount written out; the middle one by itself."""
    try:
        cents = Money.parse(str(first.get("amount") or ""), CURRENCY).amount
    except BadInput:
        cents = 0
    if cents > 0 and cents not in suggested:
        first |= {"amount": OTHER, "amount_other": written(cents)}
    else:
        first["amount"] = written(cents if cents > 0 else suggested[len(suggested) // 2])


def _offer() -> Offer:
    """Read in the site's session, which is left as it was found: the page that shows it may be in the midst of more."""
    at = desk()
    session = at.supporters.session()
    was_busy = session.in_transaction()
    offer = at.offer(session)
    if not was_busy:
        session.rollback()
    return offer
