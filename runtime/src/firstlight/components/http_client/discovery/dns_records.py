"""Finds instances by DNS: SRV records, or the A and AAAA records of one name."""

import asyncio
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from .instance import DiscoveryError, Found, Instance
from .options import place
from .target import DNS_PORT, Target

LOOKUP_SECONDS = 2.0
LEAST_SECONDS = 1.0  # between two lookups, also with a TTL of 0
NOWHERE = "."  # the target of an SRV record that says: not offered here


class DnsRecords:
    """The records of a target. An answer lasts as long as its records do, and `longest_seconds` at most."""

    timeout_seconds = 2 * LOOKUP_SECONDS  # SRV records, and then the addresses of their targets

    def __init__(self, target: Target, longest_seconds: float) -> None:
        """Ask the servers of /etc/resolv.conf, or the one in the option `server`."""
        self._target = target
        self._longest = longest_seconds

    async def resolve(self) -> Found:
        """The instances of now. Raises `DiscoveryError` without an answer."""
        try:
            resolver = self._resolver()  # a new one: /etc/resolv.conf may have changed
            if self._target.kind == "srv":
                found, ttl = await self._services(resolver)
            else:
                hosts, ttl = await self._addresses(resolver, dns.name.from_text(self._target.name, None))
                found = [Instance(host, self._target.address.port or 0) for host in hosts]
        except dns.exception.DNSException as error:
            raise DiscoveryError(str(error) or type(error).__name__) from error
        return Found(found, max(min(ttl, self._longest), LEAST_SECONDS))

    def _resolver(self) -> dns.asyncresolver.Resolver:
        server = self._target.address.option("server")
        resolver = dns.asyncresolver.Resolver(configure=not server)
        if server:
            host, port = place(server, server)
            resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port or DNS_PORT)]
        resolver.lifetime = LOOKUP_SECONDS
        return resolver

    async def _services(self, resolver: dns.asyncresolver.Resolver) -> tuple[Sequence[Instance], float]:
        answer = await _records(resolver, dns.name.from_text(self._target.name, None), "SRV")
        if answer is None or answer.rrset is None:
            return [], self._longest
        records = [record for record in answer if record.target.to_text() != NOWHERE]
        resolved = await asyncio.gather(*(self._addresses(resolver, record.target) for record in records))
        found = [
            Instance(host, record.port, record.weight / len(hosts), record.priority)
            for record, (hosts, _) in zip(records, resolved, strict=True)
            for host in hosts
        ]
        return found, min([float(answer.rrset.ttl), *(ttl for _, ttl in resolved)])

    async def _addresses(
        self, resolver: dns.asyncresolver.Resolver, name: dns.name.Name
    ) -> tuple[Sequence[str], float]:
        """The addresses of a name; none if it has none."""
        answers = await asyncio.gather(*(_records(resolver, name, kind) for kind in ("A", "AAAA")))
        there = [answer for answer in answers if answer is not None and answer.rrset is not None]
        hosts = [record.address for answer in there for record in answer]
        ttls: Sequence[float] = [answer.rrset.ttl for answer in there if answer.rrset]
        return hosts, min(ttls or [self._longest])


async def _records(resolver: dns.asyncresolver.Resolver, name: dns.name.Name, kind: str) -> dns.resolver.Answer | None:
    """The records of a name, or None if the server says that there are none."""
    try:
        return await resolver.resolve(name, kind, search=True)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
