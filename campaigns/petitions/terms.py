"""What has to be known of a petition to take a signature: plain data, so that a web process may keep it a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.petitions.form import SignatureForm
from campaigns.petitions.petition import Petition, is_open
from campaigns.petitions.signature import PERSON
from campaigns.petitions.tally import hour_of
from campaigns.petitions.wording import ASKED, LOCALES, Wording
from supporters.errors import BadInput, Mistakes, Refused
from supporters.mail.message import ADDRESS, NORMAL, URGENT
from supporters.people.canonical import canonical_of_clean
from supporters.people.contact import clean_email
from supporters.sealing import Keyring

#: How long a form that is sent again is recognised as the same one.
REMEMBERED = timedelta(days=7)
#: Who says yes, in the ledger of consents.
BY = "visitor:petition form"


class Closed(Refused):
    """It cannot be signed: not yet, or not any more (HTTP 410)."""

    code = "closed"


@dataclass(frozen=True, slots=True)
class Texts:
    """One wording of the petition: its language, the consent text of each purpose, and whether it names the comment."""

    locale: str
    text_ids: dict[str, int]
    covers_comment: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """A signature that only has to be written: checked, hashed and sealed."""

    petition_id: int
    per_address: int
    address_key: bytes
    name_key: bytes
    state: str
    locale: str
    source: str
    wording_id: int
    signed_at: datetime
    hour: datetime
    sealed: bytes
    sealed_address: bytes
    domain: str
    network_key: bytes | None
    wants_updates: bool
    risk: str
    publishes: bool
    shows_comment: bool
    consents: tuple[tuple[str, int], ...]
    form_url: str
    template: str | None
    priority: int
    keys: tuple[tuple[str, bytes], ...]  # the field it came in, and its hash
    content_hash: bytes


class Written(NamedTuple):
    """What became of one: ``is_first`` says that its keys were never used."""

    is_open: bool
    is_first: bool
    kind: Literal["new", "known"] | None = None
    signature_id: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    petition_id: int
    slug: str
    title: str
    locale: str
    state: str
    opens_at: datetime | None
    closes_at: datetime | None
    confirm_policy: str
    per_address: int
    profile: str
    allowed_origins: tuple[str, ...]
    return_urls: tuple[str, ...]
    texts: dict[int, Texts]
    current: dict[str, int]

    @classmethod
    def of(cls, session: Session, petition: Petition) -> Terms:
        rows = session.scalars(select(Wording).where(Wording.petition_id == petition.id).order_by(Wording.id)).all()
        return cls(
            petition.id, petition.slug, petition.title, petition.locale, petition.state, petition.opens_at,
            petition.closes_at, petition.confirm_policy, petition.per_address, petition.profile,
            tuple(petition.allowed_origins), tuple(petition.return_urls),
            {
                row.id: Texts(row.locale, {purpose: row.text_id(purpose) for purpose in ASKED}, row.covers_comment)
                for row in rows
            },
            {row.locale: row.id for row in rows},
        )  # fmt: skip

    def is_open(self, now: datetime) -> bool:
        return is_open(self.state, self.opens_at, self.closes_at, now)

    def must_be_open(self, now: datetime) -> None:
        if self.is_open(now):
            return
        if self.state == "draft" or (self.state == "open" and self.opens_at is not None and now < self.opens_at):
            raise Closed("“%(title)s” cannot be signed yet.", title=self.title)
        raise Closed("“%(title)s” is closed: it cannot be signed any more.", title=self.title)

    def prepare(
        self,
        form: SignatureForm,
        ring: Keyring,
        *,
        now: datetime,
        network: str = "",
        today: date | None = None,
        risk: str = "",
        proof: str = "",
    ) -> Prepared:
        """Check the form against this petition, hash and seal it.

        ``network`` is the sender's, kept as a hash that means nothing after ``today``. ``risk`` is why it is
        quarantined. ``proof`` is a solved challenge, good for one form.
        """
        self.must_be_open(now)
        with_identity = self.profile == "citizens_initiative"
        mistakes = form.mistakes(with_identity=with_identity) if with_identity or not form.is_checked else []
        wording_id = form.consent_text_id or self.current[form.locale if form.locale in LOCALES else "nl"]
        if wording_id not in self.texts:
            mistakes.append(
                BadInput(
                    "This is not a consent text of this petition; load the form once more.", field="consent_text_id"
                )
            )
        if mistakes:
            raise Mistakes(mistakes)
        texts = self.texts[wording_id]
        if form.website:
            risk = risk or "honeypot"
        address = form.email if form.is_checked else clean_email(form.email)
        canonical = canonical_of_clean(address)
        counted = "pending" if self.confirm_policy == "required" else "received"
        template = "petition_thanks" if self.confirm_policy == "none" else "petition_confirm"
        name = f"{form.first_name} {form.last_name}".casefold()
        keys = {"submission_key": form.submission_key and f"{self.slug} {form.submission_key}", "altcha": proof}
        return Prepared(
            petition_id=self.petition_id,
            per_address=self.per_address,
            address_key=ring.hash("address", canonical),
            name_key=ring.hash("name", name, 16),
            state="quarantined" if risk else counted,
            locale=form.locale,
            source=form.source,
            wording_id=wording_id,
            signed_at=now,
            hour=hour_of(now),
            sealed=ring.seal(form.person.to_json(), PERSON),
            sealed_address=ring.seal(address, ADDRESS),
            domain=canonical.rpartition("@")[2],
            network_key=ring.network_hash(network, today or now.date()) if network else None,
            wants_updates=form.updates,
            risk=risk,
            publishes=form.show_name,
            shows_comment=form.show_name and texts.covers_comment,
            consents=tuple((purpose, texts.text_ids[purpose]) for purpose in form.granted()),
            form_url=form.form_url,
            template=None if risk else template,
            priority=NORMAL if self.confirm_policy == "none" else URGENT,
            keys=tuple((name, ring.hash(f"once {name}", key)) for name, key in keys.items() if key),
            content_hash=form.content_hash(),
        )
