"""The words a form shows beside its boxes, as a set: who signs agrees to exactly these; the signature names them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, pk
from supporters.errors import BadInput
from supporters.people.consent import ConsentText

if TYPE_CHECKING:
    from campaigns.petitions.petition import Petition

#: What a form asks, in its order.
ASKED = ("sign", "show_name", "updates", "newsletter")
LOCALES = ("nl", "en")

#: What a petition begins with; a charity changes it to its own words.
HOUSE_TEXTS = {
    "nl": {
        "sign": "Ik onderteken deze petitie en vind het goed dat mijn gegevens daarvoor worden verwerkt. Mijn "
        "ondertekening kan iets zeggen over mijn politieke opvatting. Mijn gegevens worden na de overhandiging gewist.",
        "show_name": "Mijn voornaam en woonplaats mogen op de website staan. Schreef ik een reactie, dan mag "
        "die er ook bij, nadat iemand van de organisatie die heeft gelezen.",
        "updates": "Houd mij per e-mail op de hoogte van deze petitie.",
        "newsletter": "Stuur mij ook nieuws over ander werk, per e-mail. Afmelden kan in elk bericht.",
    },
    "en": {
        "sign": "I sign this petition and agree that my details are used for that. My signature may say something "
        "about my political opinion. My details are erased after the hand-over.",
        "show_name": "My first name and town may be shown on the website. If I wrote a comment, it may be shown too, "
        "after somebody of the organisation has read it.",
        "updates": "Keep me informed about this petition by e-mail.",
        "newsletter": "Send me news about your other work too, by e-mail. I can unsubscribe in every message.",
    },
}


class Wording(Base):
    """One set of consent texts of a petition in one language. Other words are a new set; the old ones stay known."""

    __tablename__ = "campaigns_petition_wording"
    __table_args__ = (Index(None, "petition_id", "locale", "id"),)

    id: Mapped[pk]
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    locale: Mapped[str] = mapped_column(String(2))
    sign_text_id: Mapped[int] = mapped_column(ForeignKey("supporters_consent_text.id"))
    show_name_text_id: Mapped[int] = mapped_column(ForeignKey("supporters_consent_text.id"))
    updates_text_id: Mapped[int] = mapped_column(ForeignKey("supporters_consent_text.id"))
    newsletter_text_id: Mapped[int] = mapped_column(ForeignKey("supporters_consent_text.id"))
    #: The words of ``show_name`` name the comment too: only then it is asked, and may be shown.
    covers_comment: Mapped[bool] = mapped_column(default=False)
    since: Mapped[instant]
    created_by: Mapped[actor_key]

    @classmethod
    def start(cls, session: Session, petition: Petition, *, by: Actor, now: datetime) -> None:
        """The texts of the house in both languages."""
        for locale, texts in HOUSE_TEXTS.items():
            cls.change(session, petition, locale, texts, covers_comment=True, by=by, now=now)

    @classmethod
    def change(
        cls, session: Session, petition: Petition, locale: str, texts: dict[str, str], *, by: Actor, now: datetime,
        covers_comment: bool = False,
    ) -> Wording:  # fmt: skip
        """Say it in other words from now on; ``covers_comment`` where those of ``show_name`` name the comment."""
        if locale not in LOCALES:
            raise BadInput("We write in nl or en, not in “%(language)s”.", field="locale", language=locale[:10])
        if lacking := [purpose for purpose in ASKED if not texts.get(purpose, "").strip()]:
            raise BadInput("Say what somebody agrees to.", field=lacking[0])
        ids = {p: ConsentText.say(session, p, locale, texts[p], by=by, now=now).id for p in ASKED}
        wording = cls(
            petition_id=petition.id, locale=locale, covers_comment=covers_comment, since=now, created_by=by.key,
            **{f"{purpose}_text_id": text_id for purpose, text_id in ids.items()},
        )  # fmt: skip
        session.add(wording)
        session.flush()
        audit.record(
            session, by, "word", petition, now=now, petition=petition.slug, locale=locale, wording=wording.id
        )  # fmt: skip
        return wording

    @classmethod
    def current(cls, session: Session, petition_id: int, locale: str) -> Wording:
        found = session.scalar(
            select(cls)
            .where(cls.petition_id == petition_id, cls.locale == (locale if locale in LOCALES else "nl"))
            .order_by(cls.id.desc())
            .limit(1)
        )
        assert found is not None, "a petition has its texts from the start"
        return found

    def text_id(self, purpose: str) -> int:
        found: int = getattr(self, f"{purpose}_text_id")
        return found

    def texts(self, session: Session) -> dict[str, str]:
        """Purpose → its words, in the order of the form."""
        ids = {purpose: self.text_id(purpose) for purpose in ASKED}
        found = {t.id: t.wording for t in session.scalars(select(ConsentText).where(ConsentText.id.in_(ids.values())))}
        return {purpose: found[text_id] for purpose, text_id in ids.items()}
