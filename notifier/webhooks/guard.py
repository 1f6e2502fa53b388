"""Which addresses webhooks may be posted to. A service's address is typed by somebody, and what it
resolves to is decided by whoever owns the name: neither may lead into this machine's own network.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))  # RFC 6052, RFC 8215
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 2.5.5.1, deprecated
_NEVER = (
    ip_network("168.63.129.16/32"),  # the host of a virtual machine at Azure
    ip_network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
    ip_network("2001::/23"),  # IETF's own, Teredo's tunnels among them
    ip_network("fec0::/10"),  # site-local, RFC 3879
)
"""What Python calls global and is not for us."""


def may_reach(address: str, allowed: Iterable[Network]) -> bool:
    """`address`: an IP as getaddrinfo gives it. Global unicast, or in one of the networks."""
    ip = _unwrapped(ip_address(address.partition("%")[0]))
    if _is_in(ip, allowed):
        return True
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not _is_in(ip, _NEVER)


def is_allowed(address: str, allowed: Iterable[Network]) -> bool:
    """In one of the networks."""
    return _is_in(_unwrapped(ip_address(address.partition("%")[0])), allowed)


def _is_in(ip: Address, networks: Iterable[Network]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)


def _unwrapped(ip: Address) -> Address:
    """The IPv4 address that an IPv6 address carries, if a router or the kernel would go there."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip.ipv4_mapped:
        return ip.ipv4_mapped
    if ip.sixtofour:
        return ip.sixtofour
    is_loopback_or_none = int(ip) <= 1
    if any(ip in network for network in _NAT64) or (ip in _COMPATIBLE and not is_loopback_or_none):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def fault_of(url: str, allowed: Iterable[Network]) -> str:
    """What is wrong with an address that somebody enters, as a name of PROBLEMS; empty: nothing
    that can be seen without asking the network. What it resolves to is looked at when it is called.
    """
    allowed = list(allowed)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return "no_url"
    if parts.scheme not in ("https", "http") or not host or any(c.isspace() for c in url):
        return "no_url"
    if parts.username is not None or parts.password is not None:
        return "has_credentials"
    if parts.fragment:
        return "has_fragment"
    try:
        literal = str(ip_address(host))
    except ValueError:
        # A name: which addresses it has is seen when it is called.
        return "not_https" if parts.scheme == "http" and not allowed else ""
    if not may_reach(literal, allowed):
        return "forbidden"
    return "not_https" if parts.scheme == "http" and not is_allowed(literal, allowed) else ""
