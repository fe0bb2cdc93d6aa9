"""Networks we know: schools and mobile carriers that many people share, and those that only bring robots."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, Session

from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.errors import BadInput


class NetworkRule(Base):
    __tablename__ = "campaigns_network_rule"
    __table_args__ = (CheckConstraint("kind IN ('allow', 'block')", name="kind"), UniqueConstraint("network"))

    id: Mapped[pk]
    network: Mapped[word]  # "192.0.2.0/24", "2001:db8::/32"
    kind: Mapped[word]  # allow: no limits. block: what comes from there is quarantined
    label: Mapped[line]  # whose it is
    added_at: Mapped[instant]
    added_by: Mapped[actor_key]

    @classmethod
    def add(cls, session: Session, network: str, kind: str, label: str, *, by: Actor, now: datetime) -> NetworkRule:
        try:
            clean = str(ipaddress.ip_network(network.strip(), strict=False))
        except ValueError:
            raise BadInput(
                "“%(network)s” is not a network; write it as 192.0.2.0/24 or 2001:db8::/32.",
                field="network", network=network[:50],
            ) from None  # fmt: skip
        if kind not in ("allow", "block"):
            raise BadInput("A network is allowed or blocked.", field="kind")
        if not label.strip():
            raise BadInput("Say whose network this is.", field="label")
        rule = session.query(cls).filter_by(network=clean).one_or_none() or cls(network=clean)
        rule.kind, rule.label, rule.added_at, rule.added_by = kind, label.strip(), now, by.key
        session.add(rule)
        audit.record(session, by, f"{kind}_network", rule, now=now, network=clean, label=rule.label)
        return rule

    def remove(self, session: Session, *, by: Actor, now: datetime) -> None:
        """From now on this network is one like any other."""
        audit.record(session, by, "remove_network", self, now=now, network=self.network, kind=self.kind)
        session.delete(self)
        session.flush()


def kind_of(network: str, rules: Iterable[tuple[str, str]]) -> str:
    """ "allow", "block" or "": what the narrowest of these (network, kind) rules says."""
    if not network:
        return ""
    mine = ipaddress.ip_network(network)
    known = ((_parsed(n), kind) for n, kind in rules)
    return max(((n.prefixlen, kind) for n, kind in known if n.overlaps(mine)), default=(0, ""))[1]


@lru_cache(1_000)
def _parsed(network: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Of a rule: the same few for every form that comes in."""
    return ipaddress.ip_network(network)
