"""Signatures by the ten thousand, as the web's intake and the jobs would have left them; in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from admin.demo import names
from admin.demo.bulk import insert_rows, next_id
from campaigns.petitions.following import SIGNER
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import PERSON, Person, Publication, Signature, SignaturePerson
from campaigns.petitions.tally import Tally, TallyHour, add_to, hour_of
from campaigns.petitions.terms import BY, Terms
from supporters.mail.message import ADDRESS, URGENT, OutboxMessage
from supporters.people.consent import Consent, address_key
from supporters.sealing import Keyring, keyring

BLOCK = 10_000
#: After this the mail asks once more, and after that the signature expires.
REMINDED, EXPIRED = timedelta(days=7), timedelta(days=21)
#: What an hour of the day draws, in UTC: quiet nights, a lunch, and the evening news.
_DAY = (3, 2, 1, 1, 2, 5, 12, 20, 26, 28, 29, 33, 34, 28, 27, 28, 30, 36, 46, 54, 50, 34, 18, 8)
_COMMENTS = (
    "Iedereen verdient een veilige plek.", "Mijn buurvrouw wacht al jaren. Dit moet anders.",
    "Ik ken deze mensen als collega's en vrienden.", "Omdat niemand zonder reden zijn huis verlaat.",
    "Nederland kan dit.", "Mijn klasgenoot hoort hier, net als ik.", "Laat ze niet langer wachten!",
    "Ik werkte zelf in Kabul en weet wat zij voor ons deden.", "Menselijkheid eerst.",
    "Als vrijwilliger zie ik elke week wat wachten met mensen doet.", "Een belofte is een belofte.",
    "Mijn ouders kwamen hier ook ooit als vluchteling.", "Zij horen er ook bij ❤", "Doe wat juist is.",
)  # fmt: skip
#: What a moderator will want to look at twice.
_DOUBTFUL = ("Bel mij voor meer: 06-00000000", "Kijk op mijn kanaal voor de waarheid!!!", "SCHANDE, weg met ze")


@dataclass(frozen=True, slots=True)
class Wave:
    """Something that brings signers: they come at once and get fewer by half every ``half_life`` hours."""

    after_hours: float
    weight: float
    half_life: float
    sources: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Signing:
    """How a petition was signed, from ``begins`` until ``ends``, as it stands at ``now``.

    ``states`` says how many of each state there are in the end: pending ones that are three weeks old at ``now`` have
    expired. ``shares`` are of those who said yes to more than signing.
    """

    begins: datetime
    ends: datetime
    now: datetime
    states: Mapping[str, int]
    waves: Sequence[Wave]
    seed: str
    form_url: str = ""
    domain: str = ""  # all of them from this one, where given
    network: str = ""
    risk: str = ""
    shares: Mapping[str, float] = field(
        default_factory=lambda: {"show_name": 0.38, "updates": 0.47, "newsletter": 0.09}
    )
    with_comment: float = 0.09
    approved_until: datetime | None = None  # nobody has looked at the names of later ones
    moderator: str = "person:anna@demo.example"

    @property
    def count(self) -> int:
        return sum(self.states.values())


@dataclass(slots=True)
class _One:
    id: int
    state: str
    signed_at: datetime
    source: str
    person: Person
    email: str
    key: bytes
    locale: str
    said: tuple[str, ...]
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    reminded_at: datetime | None = None
    supporter_id: int | None = None


class Signatures:
    """``store`` writes what ``signing`` says into the caller's transaction, and the count with it."""

    def __init__(self, session: Session, petition: Petition, signing: Signing) -> None:
        self.session, self.petition, self.signing = session, petition, signing
        self.terms = Terms.of(session, petition)
        self.ring: Keyring = keyring(session)
        self.rng = Random(f"{signing.seed}:{petition.slug}")
        self.scope = f"petition:{petition.id}"
        self.hours: dict[tuple[datetime, str], list[int]] = {}
        self.is_shared = session.get_bind().dialect.name == "postgresql"

    def store(self) -> None:
        block: list[_One] = []
        for one in self._draw():
            block.append(one)
            if len(block) == BLOCK:
                self._insert(block)
                block = []
        if block:
            self._insert(block)
        self._count()

    # -- drawing ----------------------------------------------------------------------------------------------

    def _draw(self) -> Iterator[_One]:
        """In the order they signed, so that the keys rise with time."""
        rng, signing = self.rng, self.signing
        remaining = Counter(signing.states)
        number = first = next_id(self.session, Signature)
        people: list[tuple[Person, str]] = []
        for at, source in self._moments():
            if not people:
                people = self._people(min(BLOCK, signing.count - (number - first)), number)
            person, email = people.pop()
            state = self._take(remaining, number - first)
            said = tuple(p for p, share in signing.shares.items() if rng.random() < share)
            one = _One(
                number, state, at, source, person, email, address_key(self.ring, email),
                "en" if rng.random() < 0.05 else "nl", said,
            )  # fmt: skip
            self._happen(one)
            yield one
            number += 1

    def _take(self, remaining: Counter[str], taken: int) -> str:
        """A state for the next one, so that in the end each was given as often as planned."""
        pick = self.rng.random() * (self.signing.count - taken)
        found = ""
        for state, left in remaining.items():
            if left:
                found, pick = state, pick - left
            if pick < 0:
                break
        remaining[found] -= 1
        return found

    def _moments(self) -> Iterator[tuple[datetime, str]]:
        """When each signs and what brought them: exactly as many as there are, hour after hour."""
        rng, signing = self.rng, self.signing
        start = hour_of(signing.begins)
        hours = int((signing.ends - start) / timedelta(hours=1)) + 1
        parts = [
            [
                wave.weight / wave.half_life * 0.5 ** ((hour - wave.after_hours) / wave.half_life)
                if hour >= wave.after_hours else 0.0
                for wave in signing.waves
            ]
            for hour in range(hours)
        ]  # fmt: skip
        weights = list(
            accumulate((sum(part) + 1e-9) * _DAY[(start.hour + hour) % 24] for hour, part in enumerate(parts))
        )
        mixes = [(list(w.sources), list(accumulate(w.sources.values()))) for w in signing.waves]
        before = 0
        for hour, part in enumerate(parts):
            until = round(weights[hour] / weights[-1] * signing.count)
            begin = max(signing.begins, start + timedelta(hours=hour))
            length = (min(signing.ends, start + timedelta(hours=hour + 1)) - begin).total_seconds()
            for second in sorted(rng.random() * length for _ in range(until - before)):
                values, cumulative = rng.choices(mixes, weights=part)[0] if any(part) else mixes[0]
                yield begin + timedelta(seconds=round(second, 3)), rng.choices(values, cum_weights=cumulative)[0]
            before = until

    def _people(self, count: int, first: int) -> list[tuple[Person, str]]:
        rng, signing = self.rng, self.signing
        persons, homes = names.people(rng, count), names.homes(rng, count)
        found = []
        for number, (person, home) in enumerate(zip(persons, homes, strict=True), first):
            chance = rng.random()
            comment = ""
            if chance < signing.with_comment:
                comment = rng.choice(_DOUBTFUL if chance < signing.with_comment / 20 else _COMMENTS)
            found.append(
                (
                    Person(
                        person.first_name or person.initials, f"{person.prefix} {person.surname}".strip(), home.city,
                        home.postcode if chance < 0.7 else "", comment,
                    ),
                    names.address_of(rng, person, number, signing.domain),
                )
            )  # fmt: skip
        found.reverse()
        return found

    def _happen(self, one: _One) -> None:
        """What came after signing, at a moment that is not after the demo's."""
        rng, now = self.rng, self.signing.now
        if one.state == "pending" and one.signed_at + EXPIRED <= now:
            one.state = "expired"
        if one.state in ("pending", "expired") and one.signed_at + REMINDED <= now and not self.signing.risk:
            one.reminded_at = one.signed_at + REMINDED
        minutes = min(rng.expovariate(1 / 45), 14 * 1440)
        soon = min(one.signed_at + timedelta(minutes=1 + minutes), now)
        if one.state == "confirmed" or (one.state == "withdrawn" and rng.random() < 0.8):
            one.confirmed_at = soon
        if one.state == "withdrawn":
            later = soon + timedelta(hours=rng.expovariate(1 / 200))
            one.ended_at, one.reason = min(later, now), "by_signer"
        elif one.state == "rejected":
            one.ended_at, one.reason = soon, "bounced" if rng.random() < 0.85 else "not_me"
        elif one.state == "expired":
            one.ended_at, one.reason = one.signed_at + EXPIRED, "not_confirmed"
        if one.state != "quarantined":
            self._note(one.signed_at, one.source, 1, 0)
        if one.confirmed_at:
            self._note(one.confirmed_at, one.source, 0, 1)
        if one.ended_at:
            self._note(one.ended_at, one.source, -1, -1 if one.confirmed_at else 0)

    def _note(self, at: datetime, source: str, signed: int, confirmed: int) -> None:
        known = self.hours.setdefault((hour_of(at), source), [0, 0])
        known[0] += signed
        known[1] += confirmed

    # -- into the tables --------------------------------------------------------------------------------------

    def _insert(self, ones: list[_One]) -> None:
        session = self.session
        self._welcome([one for one in ones if one.state == "confirmed" and "newsletter" in one.said])
        insert_rows(session, Signature, (
            "id", "petition_id", "address_key", "name_key", "slot", "state", "locale", "source", "wording_id",
            "signed_at", "confirmed_at", "ended_at", "end_reason", "mails", "reminded_at", "supporter_id",
        ), (self._signature(one) for one in ones))  # fmt: skip
        insert_rows(session, SignaturePerson, (
            "signature_id", "sealed", "sealed_address", "domain", "network_key", "wants_updates", "risk",
        ), (self._person(one) for one in ones))  # fmt: skip
        insert_rows(session, Consent, (
            "address_key", "supporter_id", "purpose", "channel", "scope", "granted", "text_id", "source", "evidence",
            "at", "by",
        ), (row for one in ones for row in self._consents(one)))  # fmt: skip
        insert_rows(session, Publication, (
            "petition_id", "signature_id", "state", "with_comment", "name", "town", "comment", "decided_at",
            "decided_by",
        ), (
            self._publication(one) for one in ones if "show_name" in one.said and (one.ended_at is None)
        ))  # fmt: skip
        insert_rows(session, OutboxMessage, (
            "template", "subject_id", "params", "locale", "key", "priority", "address_key", "purpose", "scope", "state",
            "attempts", "next_at", "queued_at", "ended_at", "reason",
        ), (row for one in ones for row in self._mails(one)))  # fmt: skip

    def _welcome(self, ones: list[_One]) -> None:
        """Who confirmed and wants news is a supporter from then on."""
        from admin.demo.population import Newcomer, welcome

        newcomers = [
            Newcomer(one.confirmed_at, one.person.first_name, one.person.last_name, one.email, one.locale, one.source)
            for one in ones
            if one.confirmed_at
        ]
        for one, supporter_id in zip(ones, welcome(self.session, newcomers), strict=True):
            one.supporter_id = supporter_id

    def _signature(self, one: _One) -> tuple[Any, ...]:
        name = self.ring.hash("name", one.person.name.casefold(), 16)
        return (
            one.id, self.petition.id, one.key, name, 1, one.state, one.locale, one.source,
            self.terms.current[one.locale], one.signed_at, one.confirmed_at, one.ended_at, one.reason,
            0 if one.state == "quarantined" else 1, one.reminded_at, one.supporter_id,
        )  # fmt: skip

    def _person(self, one: _One) -> tuple[Any, ...]:
        network = self.signing.network or f"2001:db8:{one.id % 0x8FFF:x}:{one.id // 7 % 16:x}::/64"
        return (
            one.id, self.ring.seal(one.person.to_json(), PERSON), self.ring.seal(one.email, ADDRESS),
            one.email.rpartition("@")[2], self.ring.network_hash(network, one.signed_at.date()), "updates" in one.said,
            self.signing.risk or ("network_limit" if one.state == "quarantined" else ""),
        )  # fmt: skip

    def _consents(self, one: _One) -> Iterator[tuple[Any, ...]]:
        texts = self.terms.texts[self.terms.current[one.locale]].text_ids
        for purpose in ("sign", *one.said):
            channel = "public" if purpose == "show_name" else "email"
            scope = "" if purpose == "newsletter" else self.scope
            evidence = f"signature:{one.id}"
            rest = (texts[purpose], self.signing.form_url, evidence)
            yield one.key, None, purpose, channel, scope, True, *rest, one.signed_at, BY
            if purpose == "newsletter" and one.supporter_id:
                yield None, one.supporter_id, purpose, channel, scope, True, *rest, one.confirmed_at, SIGNER.key
            if one.state in ("withdrawn", "rejected"):
                yield one.key, None, purpose, channel, scope, False, None, "", evidence, one.ended_at, SIGNER.key

    def _publication(self, one: _One) -> tuple[Any, ...]:
        approved_until = self.signing.approved_until
        agreed = self.terms.texts[self.terms.current[one.locale]].covers_comment
        is_plain = one.person.comment not in _DOUBTFUL
        is_seen = approved_until is not None and one.signed_at < approved_until
        if not is_seen or not is_plain or one.state not in ("confirmed", "received"):
            return self.petition.id, one.id, "waiting", agreed, "", "", "", None, None
        decided_at = min(max(one.confirmed_at or one.signed_at, one.signed_at) + timedelta(hours=15), self.signing.now)
        return (
            self.petition.id, one.id, "approved", agreed, one.person.first_name, one.person.town,
            one.person.comment if agreed else "", decided_at, self.signing.moderator,
        )  # fmt: skip

    def _mails(self, one: _One) -> Iterator[tuple[Any, ...]]:
        """Delivered, and so without the address; that of a mailbox that does not exist failed."""
        if one.state == "quarantined":
            return
        nothing = "{}" if self.is_shared else {}  # COPY takes JSON as it is written
        is_dead = one.reason == "bounced"
        for template, at in (("petition_confirm", one.signed_at), ("petition_reminder", one.reminded_at)):
            if at is not None:
                yield (
                    template, one.id, nothing, one.locale, f"{template.replace('_', '-')}:{one.id}:1", URGENT, one.key,
                    "service", self.scope, "failed" if is_dead else "sent", 1, at, at,
                    at + timedelta(seconds=2 + one.id % 9), "550 5.1.1 no such mailbox" if is_dead else None,
                )  # fmt: skip

    def _count(self) -> None:
        """What the roll-up would have made of all their lines."""
        session, petition_id = self.session, self.petition.id
        add_to(session, TallyHour, ("petition_id", "hour", "source"), [
            {
                "petition_id": petition_id, "hour": hour, "source": source, "signed": signed, "confirmed": confirmed,
                "offline": 0,
            }
            for (hour, source), (signed, confirmed) in sorted(self.hours.items())
        ])  # fmt: skip
        tally = session.get_one(Tally, petition_id)
        tally.signed += sum(signed for signed, _ in self.hours.values())
        tally.confirmed += sum(confirmed for _, confirmed in self.hours.values())
        tally.rolled_at = self.signing.now
        session.flush()
