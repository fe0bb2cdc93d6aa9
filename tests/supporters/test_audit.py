import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters import audit
from supporters.audit import AuditEntry
from tests import cast


def test_a_change_leaves_who_when_what_and_from_where(session: Session) -> None:
    commitment = cast.monthly(session)
    commitment.change(session, every="quarter", reason="asked", by=cast.ANNA, now=cast.NOW)
    session.commit()
    entry = session.scalars(select(AuditEntry).where(AuditEntry.verb == "change")).one()
    assert (entry.by, entry.via, entry.at) == ("person:anna@example.org", "test", cast.NOW)
    assert (entry.subject, entry.subject_id, entry.supporter_id) == (
        "commitment",
        commitment.id,
        commitment.supporter_id,
    )
    assert entry.detail["months"] == [1, 3]


def test_a_line_may_be_about_a_noun_alone(session: Session) -> None:
    entry = audit.record(session, cast.ANNA, "close", "financial_year", now=cast.NOW, year=2025)
    session.commit()
    assert (entry.subject, entry.subject_id, entry.detail) == ("financial_year", None, {"year": 2025})


@pytest.mark.parametrize(
    "statement", ["UPDATE supporters_audit_entry SET by = 'person:x'", "DELETE FROM supporters_audit_entry"]
)
def test_the_database_lets_nobody_rewrite_the_trail(session: Session, statement: str) -> None:
    audit.record(session, cast.ANNA, "look", "supporter", now=cast.NOW)
    session.commit()
    with pytest.raises(IntegrityError, match="the audit trail is never"):
        session.execute(text(statement))
