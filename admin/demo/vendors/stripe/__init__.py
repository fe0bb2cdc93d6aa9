"""A simulated Stripe: its API, the page where a donor pays, its dashboard."""

from admin.demo.vendors.stripe.app import StripeBackstage, StripeState, create_app

__all__ = ["StripeBackstage", "StripeState", "create_app"]
