"""A real DNS server on a loopback port, whose records a test changes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset


class Zone(asyncio.DatagramProtocol):
    """Answers with its records; NXDOMAIN for names without any, an empty answer for types without any."""

    def __init__(self) -> None:
        """Without records."""
        self.records: dict[tuple[str, str], Sequence[str]] = {}
        self.ttl = 1
        self.silent = False
        self.broken = False
        self.queries = 0
        self._transport: Any = None

    @property
    def server(self) -> str:
        """Host and port."""
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one question."""
        self.queries += 1
        if self.silent:
            return
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        asked = question.question[0]
        name, kind = asked.name.to_text().lower(), dns.rdatatype.to_text(asked.rdtype)
        if self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif found := self.records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text_list(asked.name, self.ttl, "IN", kind, found))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def zone() -> AsyncIterator[Zone]:
    """A server on a free port."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Zone, ("127.0.0.1", 0))
    yield protocol
    transport.close()
