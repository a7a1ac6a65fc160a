"""Tells whether a host is this machine: what goes there leaves no machine, and needs no TLS."""

from ipaddress import ip_address


def is_of_this_machine(host: str) -> bool:
    """Whether a host is a Unix socket, `localhost` or a loopback address.

    `host` may have a port behind it where it is an option of a URL.
    """
    if not host or host.startswith("/") or host.partition(":")[0].lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
