"""Stripe, by its own library: what we ask, what it answers, what it posts. None of its words leave this package."""

from supporters.payments.stripe.gateway import Stripe

__all__ = ["Stripe"]
