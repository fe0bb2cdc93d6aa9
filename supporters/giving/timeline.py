"""What a supporter promised and gave, as entries of the timeline."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from supporters import registry
from supporters.giving.commitment import Commitment
from supporters.giving.gift import Gift, Reversal
from supporters.giving.mandate import Mandate
from supporters.giving.pause import Pause
from supporters.giving.term import Term
from supporters.money import Money
from supporters.people.timeline import page
from supporters.registry import Place, TimelineEntry


@registry.timeline("gifts")
def gifts(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(gift: Gift) -> tuple[str, str, dict[str, Any]]:
        text = "Gift of %(money)s through a commitment" if gift.commitment_id else "Gift of %(money)s"
        return "gift", text, {"money": str(gift.money), "kind": gift.kind, "by": gift.booked_by}

    query = select(Gift).where(Gift.supporter_id == supporter)
    return page(session, query, Gift.received_on, Gift.id, before, limit, entry, "gift")


@registry.timeline("reversals")
def reversals(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    texts = {
        "refund": "%(money)s refunded",
        "return": "%(money)s came back %(reason)s",
        "chargeback": "%(money)s charged back %(reason)s",
        "correction": "%(money)s was not a gift of theirs after all; no money moved",
        "reinstated": "%(money)s came back to us after all",
    }

    def entry(back: Reversal) -> tuple[str, str, dict[str, Any]]:
        money = Money(abs(back.amount), back.gift.currency)
        reason = f"({back.reason_code})" if back.reason_code else ""
        return back.kind, texts[back.kind], {"money": str(money), "reason": reason, "by": back.booked_by}

    query = select(Reversal).join(Reversal.gift).where(Gift.supporter_id == supporter)
    query = query.options(joinedload(Reversal.gift))
    return page(session, query, Reversal.reversed_on, Reversal.id, before, limit, entry, "reversal")


@registry.timeline("commitments")
def commitments(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(commitment: Commitment) -> tuple[str, str, dict[str, Any]]:
        params = {"number": commitment.number, "on": commitment.started_on.isoformat(), "by": commitment.created_by}
        return "started", "Commitment %(number)s from %(on)s", params

    query = select(Commitment).where(Commitment.supporter_id == supporter)
    return page(session, query, Commitment.created_at, Commitment.id, before, limit, entry, "commitment")


@registry.timeline("commitments ended")
def ends(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(commitment: Commitment) -> tuple[str, str, dict[str, Any]]:
        params = {"number": commitment.number, "reason": commitment.end_reason, "by": commitment.ended_by}
        return "ended", "Commitment %(number)s ended (%(reason)s)", params

    query = select(Commitment).where(Commitment.supporter_id == supporter, Commitment.ended_on.is_not(None))
    return page(session, query, Commitment.ended_on, Commitment.id, before, limit, entry, "commitment_end")


@registry.timeline("terms")
def changes(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    """Each change of amount or interval; the first term of a commitment is its start."""

    def entry(term: Term) -> tuple[str, str, dict[str, Any]]:
        params = {
            "number": f"C{term.commitment_id:07d}",
            "amount": str(Money(term.amount, currencies[term.commitment_id])),
            "every": term.every,
            "reason": term.reason,
            "by": term.recorded_by,
        }
        return "changed", "Commitment %(number)s became %(amount)s (%(every)s): %(reason)s", params

    mine = select(Commitment.id, Commitment.currency).where(Commitment.supporter_id == supporter)
    currencies = {row.id: row.currency for row in session.execute(mine)}
    firsts = select(func.min(Term.id)).where(Term.commitment_id.in_(currencies)).group_by(Term.commitment_id)
    query = select(Term).where(Term.commitment_id.in_(currencies), Term.id.not_in(firsts))
    return page(session, query, Term.recorded_at, Term.id, before, limit, entry, "term")


@registry.timeline("pauses")
def pauses(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(pause: Pause) -> tuple[str, str, dict[str, Any]]:
        until = pause.until_on.isoformat() if pause.until_on else "…"
        params = {"number": f"C{pause.commitment_id:07d}", "from_on": pause.from_on.isoformat(), "until_on": until}
        text = "Commitment %(number)s paused from %(from_on)s until %(until_on)s"
        return "paused", text, {**params, "reason": pause.reason, "by": pause.recorded_by}

    mine = select(Commitment.id).where(Commitment.supporter_id == supporter)
    query = select(Pause).where(Pause.commitment_id.in_(mine))
    return page(session, query, Pause.recorded_at, Pause.id, before, limit, entry, "pause")


@registry.timeline("mandates")
def mandates(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(mandate: Mandate) -> tuple[str, str, dict[str, Any]]:
        params = {"reference": mandate.reference, "evidence": mandate.evidence_kind, "by": mandate.created_by}
        return "signed", "Mandate %(reference)s signed (%(evidence)s)", params

    query = select(Mandate).where(Mandate.supporter_id == supporter)
    return page(session, query, Mandate.signed_on, Mandate.id, before, limit, entry, "mandate")


@registry.timeline("mandates ended")
def ended_mandates(session: Session, supporter: int, before: Place | None, limit: int) -> list[TimelineEntry]:
    def entry(mandate: Mandate) -> tuple[str, str, dict[str, Any]]:
        params = {"reference": mandate.reference, "reason": mandate.cancel_reason}
        return "cancelled", "Mandate %(reference)s ended (%(reason)s)", params

    query = select(Mandate).where(Mandate.supporter_id == supporter, Mandate.cancelled_on.is_not(None))
    return page(session, query, Mandate.cancelled_on, Mandate.id, before, limit, entry, "mandate_end")
