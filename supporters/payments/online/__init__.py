"""Payments through a gateway: asked for at a checkout or charged on a mandate, booked by the facts a vendor tells."""
