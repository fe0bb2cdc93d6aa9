"""How many of those whose signature stands said yes to each question, when they signed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, and_, func, or_, select
from sqlalchemy.orm import Session

from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import SIGNED, Signature
from campaigns.petitions.wording import ASKED
from supporters.people.consent import Consent

_EVIDENCE = "signature:"
#: What could be answered with no; signing itself is the yes to ``sign``.
QUESTIONS = tuple(purpose for purpose in ASKED if purpose != "sign")


@dataclass(frozen=True, slots=True)
class Agreed:
    """``yes`` counts per purpose, of ``signers``."""

    signers: int
    yes: dict[str, int]

    def share(self, purpose: str) -> float:
        return self.yes[purpose] / self.signers if self.signers else 0.0


def agreed(session: Session, petition: Petition) -> Agreed:
    """Exact, from the ledger. It reads every consent to this petition, so a page asks for it apart.

    A yes of the last time they signed; what they said later, by a link in a mail, is not in it.
    """
    stands = and_(Signature.petition_id == petition.id, Signature.state.in_(SIGNED))
    signature_id = func.substr(Consent.evidence, len(_EVIDENCE) + 1).cast(BigInteger)
    said = (
        select(signature_id.label("signature_id"), Consent.purpose, Consent.at)
        .where(
            Consent.granted,
            # The newsletter is about more than this petition, so its scope does not name it.
            or_(
                and_(Consent.scope == f"petition:{petition.id}", Consent.purpose.in_(("show_name", "updates"))),
                and_(Consent.scope == "", Consent.purpose == "newsletter"),
            ),
            Consent.evidence.like(f"{_EVIDENCE}%"),
        )
        .subquery()
    )
    # Without a GROUP BY millions of rows are never sorted.
    query = (
        select(*(func.count().filter(said.c.purpose == purpose) for purpose in QUESTIONS))
        .select_from(said)
        .join(Signature, and_(Signature.id == said.c.signature_id, Signature.signed_at == said.c.at))
        .where(stands)
    )
    yes = dict(zip(QUESTIONS, session.execute(query).one(), strict=True))
    signers = session.scalar(select(func.count()).select_from(Signature).where(stands)) or 0
    return Agreed(signers, yes)
