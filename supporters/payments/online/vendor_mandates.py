"""Mandates as the vendors have them: ended there when they end here, and looked at when news names one."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, tuple_

from supporters.giving.gateway_mandate import GatewayMandate
from supporters.payments.gateway import Gone, MandateRef, MandateSnapshot
from supporters.payments.online import dunning
from supporters.payments.online.cashier import Cashier


def find(cashier: Cashier, news: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Which mandates of ours news names, by account and the vendor's name for it."""
    named = list(news)
    if not named:
        return {}
    both = tuple_(GatewayMandate.account, GatewayMandate.external_id)
    with cashier.session() as session:
        query = select(GatewayMandate.account, GatewayMandate.external_id, GatewayMandate.id).where(both.in_(named))
        return {(account, name): key for account, name, key in session.execute(query)}


def look_at(cashier: Cashier, gateway_mandate_id: int) -> None:
    """One that the vendor ended is ended here too."""
    account, ref = _ref(cashier, gateway_mandate_id)
    gateway = cashier.accounts.find(account)
    try:
        found = cashier.call(gateway, "mandate", None, lambda: gateway.mandate(ref))
        state, reason = found.state, found.reason
    except Gone:
        state, reason = "invalid", "the gateway has it no more"
    with cashier.session() as session:
        mandate = session.get_one(GatewayMandate, gateway_mandate_id, with_for_update=True)
        dunning.note_mandate(session, mandate, state, reason, by=cashier.actor(account), now=cashier.now())
        session.commit()


def revoke(cashier: Cashier, gateway_mandate_id: int) -> bool:
    """Tell the vendor that it is over; whether the vendor says so too now. Tried again until it does."""
    account, ref = _ref(cashier, gateway_mandate_id)
    gateway = cashier.accounts.find(account)
    found: MandateSnapshot | None
    try:
        found = cashier.call(gateway, "revoke", None, lambda: gateway.revoke(ref))
    except Gone:
        found = None
    if found is not None and found.state != "invalid":
        return False
    with cashier.session() as session:
        mandate = session.get_one(GatewayMandate, gateway_mandate_id, with_for_update=True)
        mandate.revoked_at = cashier.now()
        session.commit()
    return True


def _ref(cashier: Cashier, gateway_mandate_id: int) -> tuple[str, MandateRef]:
    with cashier.session() as session:
        mandate = session.get_one(GatewayMandate, gateway_mandate_id)
        return mandate.account, MandateRef(mandate.customer, mandate.external_id)
