"""Mollie, by its own library: what we ask, what it answers, what it posts. None of its words leave this package."""

from supporters.payments.mollie.gateway import Mollie

__all__ = ["Mollie"]
