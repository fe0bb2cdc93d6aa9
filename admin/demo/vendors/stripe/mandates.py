"""Mandates at the double of Stripe: what can be charged again, and until when."""

from __future__ import annotations

from admin.demo.vendors.stripe import shapes
from admin.demo.vendors.stripe.asks import ApiError
from admin.demo.vendors.stripe.shapes import Thing
from admin.demo.vendors.stripe.state import StripeState


def detach(state: StripeState, kept: Thing) -> None:
    """Stripe keeps it, and it is of no use to anybody any more."""
    if kept["customer"] is None:
        raise ApiError(
            400, "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )  # fmt: skip
    kept["customer"] = None
    state.tell("payment_method.detached", kept)
    for mandate in state.all("mandate", payment_method=kept["id"]):
        if mandate["status"] != "inactive":
            mandate["status"] = "inactive"
            state.tell("mandate.updated", mandate)


def mandate_of(state: StripeState, kept: Thing, at: int) -> Thing:
    """One for each account that is debited."""
    known = next(iter(state.all("mandate", payment_method=kept["id"])), None)
    if known is not None:
        return known
    ident = state.new_id("mandate")
    return state.keep(shapes.mandate(ident, kept["id"], ident[-16:].upper(), at))


def generate(state: StripeState, source: Thing, customer: str | None, at: int, **origin: str) -> None:
    """iDEAL and Bancontact serve once: what can be charged again is a debit of the same account."""
    kept = state.keep(shapes.payment_method(state.new_id("pm"), at, "sepa_debit", customer=customer))
    kept["sepa_debit"]["generated_from"] |= origin
    details = source["payment_method_details"]
    details[details["type"]]["generated_sepa_debit"] = kept["id"]
    details[details["type"]]["generated_sepa_debit_mandate"] = mandate_of(state, kept, at)["id"]
