"""The network that an address on the internet is of."""

from __future__ import annotations

import ipaddress


def network_of(address: str) -> str:
    """The network whose senders we take together: /24 of IPv4, /64 of IPv6; "" where it is no address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 64), strict=False))
