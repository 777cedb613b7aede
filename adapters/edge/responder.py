"""A small DNS server on loopback: the instances of each service as SRV records (RFC 2782), for Caddy alone.

Caddy asks at most every 50 ms a host, so a change is in use within that time without touching Caddy.
"""

import asyncio
import ipaddress
import random
from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import msgspec
from msgspec import Meta

_ZONE = dns.name.from_text("instance.")
"""Targets are addresses spelt as names of this zone (``10-0-0-7.instance.``): SRV records cannot hold addresses."""

_LOCALHOST = dns.name.from_text("localhost.")
"""The target for 127.0.0.1: resolvers know it without asking us, so that Caddy can connect while we are away."""

_UDP_BYTES = 1232
"""The size of Go's receive buffer for UDP answers, and the DNS flag day's recommendation."""

_CONNECTIONS = 64
_CONNECTION_SECONDS = 5.0
_REMEMBERED_ANSWERS = 4096
_HEADER_BYTES = 12


class Upstream(msgspec.Struct, frozen=True):
    """An instance of a service: its IPv4 address, its port, and its share of the requests among the host's weights."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)]
    weight: Annotated[int, Meta(ge=1, le=16)] = 1

    def __post_init__(self) -> None:
        ipaddress.IPv4Address(self.host)


class Responder:
    """Answers with the instances of each host that it was shown; other hosts do not exist (NXDOMAIN). TTLs are 0."""

    def __init__(self) -> None:
        self._table: dict[dns.name.Name, list[dns.rdata.Rdata]] = {}
        self._answers: dict[tuple[bytes, int], bytes] = {}
        self._streams: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listen at ``port`` of 127.0.0.1, UDP and TCP. Raises OSError where it is taken."""
        loop = asyncio.get_running_loop()
        address = ("127.0.0.1", port)
        self._server = await asyncio.start_server(self._serve_stream, *address, limit=1 << 16)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=address)

    async def stop(self) -> None:
        """Listen no more, and end every conversation."""
        if self._transport:
            self._transport.close()
        if self._server:
            self._server.close()
            await self._server.wait_closed()
        for writer in self._streams.values():
            writer.transport.abort()
        if self._streams:
            await asyncio.wait(self._streams)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def show(self, host: str, upstreams: Iterable[Upstream]) -> None:
        """Answer questions for ``host`` with ``upstreams`` from now on."""
        self._table[_name(host)] = _records(upstreams)
        self._answers.clear()

    def forget(self, host: str) -> None:
        """``host`` does not exist from now on."""
        self._table.pop(_name(host), None)
        self._answers.clear()

    def hosts(self) -> set[str]:
        """Every host that has an answer."""
        return {name.to_text(omit_final_dot=True) for name in self._table}

    def answer(self, question: bytes, limit: int = 65535) -> bytes | None:
        """The answer to ``question``, at most ``limit`` bytes long, or None for what deserves none.

        Over UDP, where not all instances fit, a random part of them is named: Caddy's resolver cannot change to TCP.
        """
        if remembered := self._answers.get((question[2:], limit)):
            return question[:2] + remembered
        try:
            query = dns.message.from_wire(question, keyring=False)
        except (dns.exception.DNSException, ValueError):
            return _malformed(question)
        if query.flags & dns.flags.QR:
            return None
        wire, whole = _fitting(self._response(query), limit)
        if whole and len(self._answers) < _REMEMBERED_ANSWERS:
            self._answers[question[2:], limit] = wire[2:]
        return wire

    def _response(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, our_payload=_UDP_BYTES)
        response.flags |= dns.flags.AA
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        asked = query.question[0]
        records = self._table.get(asked.name) or _address_of(asked.name)
        if not records:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif fitting := [
            record for record in records if (record.rdtype, record.rdclass) == (asked.rdtype, asked.rdclass)
        ]:
            response.answer.append(dns.rrset.from_rdata_list(asked.name, 0, fitting))
        return response

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions with two bytes of length before each (RFC 1035, 4.2.2), for a bounded while."""
        if len(self._streams) >= _CONNECTIONS:
            writer.transport.abort()
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._streams[task] = writer
        # The other side may go away or be slow: nobody is left to be told.
        with suppress(OSError, EOFError):
            async with asyncio.timeout(_CONNECTION_SECONDS):
                await self._converse(reader, writer)
        writer.close()
        with suppress(OSError):
            async with asyncio.timeout(_CONNECTION_SECONDS):
                await writer.wait_closed()
        del self._streams[task]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answer := self.answer(await reader.readexactly(int.from_bytes(await reader.readexactly(2)))):
            writer.write(len(answer).to_bytes(2) + answer)
            await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    """UDP: one question, one answer."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        answer = self._responder.answer(data, _UDP_BYTES)
        if answer and self._transport:
            self._transport.sendto(answer, addr)


def _name(host: str) -> dns.name.Name:
    return dns.name.from_text(f"{host}.")


def _records(upstreams: Iterable[Upstream]) -> list[dns.rdata.Rdata]:
    """As many records as the weight says: Caddy chooses one at random and looks at no weight. They must differ."""
    return [
        dns.rdata.from_text("IN", "SRV", f"0 {copy} {upstream.port} {_target(upstream.host)}")
        for upstream in upstreams
        for copy in range(upstream.weight)
    ]


def _target(host: str) -> dns.name.Name:
    return _LOCALHOST if host == "127.0.0.1" else dns.name.from_text(host.replace(".", "-"), _ZONE)


def _address_of(name: dns.name.Name) -> list[dns.rdata.Rdata]:
    """The address that a target spells, or nothing."""
    if name == _LOCALHOST:
        return [dns.rdata.from_text("IN", "A", "127.0.0.1")]
    with suppress(ValueError, dns.name.NoParent):
        spelt = str(ipaddress.IPv4Address(name.labels[0].decode("ascii").replace("-", ".")))
        return [dns.rdata.from_text("IN", "A", spelt)] if name.parent() == _ZONE else []
    return []


def _fitting(response: dns.message.Message, limit: int) -> tuple[bytes, bool]:
    """The response in at most ``limit`` bytes, and whether nothing had to be left out."""
    whole = True
    while True:
        try:
            return response.to_wire(max_size=limit), whole
        except dns.exception.TooBig:
            asked, whole = response.answer[0], False
            fewer = random.sample(list(asked), len(asked) * 3 // 4)
            response.answer = [dns.rrset.from_rdata_list(asked.name, 0, fewer)]


def _malformed(question: bytes) -> bytes | None:
    """FORMERR for what has at least a header and is no answer itself (or two servers would talk for ever)."""
    if len(question) < _HEADER_BYTES or question[2] & 0x80:
        return None
    return question[:2] + bytes([0x80 | question[2] & 0x79, dns.rcode.FORMERR]) + bytes(8)
