"""A gateway whose vendor lives in this process: for a site's own tests, for demos and benchmarks. No money moves.

    gateway = MemoryGateway(account, now=lambda: clock)
    backstage = MemoryBackstage(gateway)
    gift = gateway.begin(order, urls)
    backstage.pay(gift.external_id)                    # what the donor does at the vendor's page
    headers, body = backstage.news(gift.external_id)   # what the vendor posts to your webhook

It is a whole gateway (it passes ``conformance``), thread-safe and quick. What it knows is gone when the process ends.
"""

from __future__ import annotations

from supporters.payments.memory.backstage import MemoryBackstage
from supporters.payments.memory.gateway import MemoryGateway
from supporters.payments.memory.vendor import MemoryVendor

__all__ = ["MemoryBackstage", "MemoryGateway", "MemoryVendor"]
