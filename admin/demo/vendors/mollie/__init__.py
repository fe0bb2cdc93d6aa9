"""A simulated Mollie: its API, the page where a donor pays, its dashboard."""

from admin.demo.vendors.mollie.app import MollieBackstage, State, create_app

__all__ = ["MollieBackstage", "State", "create_app"]
