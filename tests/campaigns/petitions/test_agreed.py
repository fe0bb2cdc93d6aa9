"""How many said yes to each question when they signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from campaigns.petitions.agreed import agreed
from campaigns.petitions.petition import Petition
from campaigns.petitions.signature import Signature
from tests import cast
from tests.campaigns.petitions.test_signing import FORM, petition


def sign(session: Session, under: Petition, name: str, at: Any = cast.NOW, **more: bool) -> Signature:
    form = replace(FORM, first_name=name, email=f"{name}@example.org", **more)  # type: ignore[arg-type]
    return Signature.get(session, under.sign(session, form, now=at).signature_id or 0)


def test_who_agreed_to_what_is_counted_once_a_signature(session: Session) -> None:
    afghanen = petition(session)
    sign(session, afghanen, "ada", show_name=True, updates=True, newsletter=True)
    sign(session, afghanen, "bea", updates=True)
    sign(session, afghanen, "cor", newsletter=True).withdraw(session, now=cast.NOW)
    sign(session, petition(session, slug="other"), "ada", updates=True, newsletter=True)
    found = agreed(session, afghanen)
    assert (found.signers, found.yes) == (2, {"show_name": 1, "updates": 2, "newsletter": 1})
    assert found.share("show_name") == 0.5
    # Once more, after taking it back, with other answers: the last ones count, and once.
    sign(session, afghanen, "cor", cast.NOW + timedelta(hours=1), updates=True)
    found = agreed(session, afghanen)
    assert (found.signers, found.yes) == (3, {"show_name": 1, "updates": 3, "newsletter": 1})
