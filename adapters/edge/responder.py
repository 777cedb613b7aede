"""A small DNS server for Caddy alone: the instances of each service as SRV records (RFC 2782), and their addresses.

It listens on a Unix stream socket, where each connection carries one question and one answer, plain and in one piece:
Go's resolver takes any Unix socket for a packet connection. Unlike a datagram, a question to a process that is dead
or dies fails at once, and Caddy goes on with the last answer. Caddy asks at most every 50 ms a host, so a change is in
use within that time without touching Caddy.
"""

import asyncio
import errno
import ipaddress
import random
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Self, cast

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
"""The target for 127.0.0.1."""

_LEAST_BYTES = 512
"""What everybody who asks can take (RFC 6891, 6.2.3); Go's resolver says that it takes 1232."""

_MOST_BYTES = 65535
_CONNECTIONS = 512
_CONNECTION_SECONDS = 1.0
_WAITING = 4096
"""Connections that the kernel holds for us: it refuses further ones, as it would if we were dead."""

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
    """Answers with the instances of each host that it was shown, and with the addresses that their targets spell.

    Other names do not exist (NXDOMAIN). TTLs are 0.
    """

    def __init__(self) -> None:
        self._table: dict[dns.name.Name, list[dns.rdata.Rdata]] = {}
        self._answers: dict[bytes, bytes] = {}
        self._conversations: set[_Conversation] = set()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def start(self, path: Path) -> None:
        """Listen at ``path``, in place of who died there. Raises OSError where somebody alive listens."""
        listener = _listener(path)
        self._path = path
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._conversation, sock=listener, backlog=_WAITING)

    async def stop(self) -> None:
        """Listen no more, and end every conversation."""
        if self._path:
            self._path.unlink(missing_ok=True)
        if self._server:
            self._server.close()
        while self._conversations:
            for conversation in tuple(self._conversations):
                conversation.end()
            await asyncio.sleep(0)

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

    def answer(self, question: bytes) -> bytes | None:
        """The answer to ``question``, or None for what deserves none.

        It is as long as who asks can take (RFC 6891), at most 65535 bytes. Where not all instances fit, a random part
        of them is named without saying so: Caddy's resolver would drop an answer that is marked as truncated.
        """
        if remembered := self._answers.get(question[2:]):
            return question[:2] + remembered
        try:
            query = dns.message.from_wire(question, keyring=False)
        except (dns.exception.DNSException, ValueError):
            return _malformed(question)
        if query.flags & dns.flags.QR:
            return None
        if len(query.question) != 1:  # RFC 9619
            return _malformed(question)
        wire, whole = _fitting(self._response(query), max(_LEAST_BYTES, query.payload))
        if whole and len(self._answers) < _REMEMBERED_ANSWERS:
            self._answers[question[2:]] = wire[2:]
        return wire

    def _response(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, our_payload=_MOST_BYTES)
        response.flags |= dns.flags.AA
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        asked = query.question[0]
        records = self._table.get(asked.name) or self._table.get(_wildcard(asked.name)) or _address_of(asked.name)
        if not records:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif fitting := [
            record for record in records if (record.rdtype, record.rdclass) == (asked.rdtype, asked.rdclass)
        ]:
            response.answer.append(dns.rrset.from_rdata_list(asked.name, 0, fitting))
        return response

    def _conversation(self) -> "_Conversation":
        return _Conversation(self, self._conversations)


class _Conversation(asyncio.Protocol):
    """One question and its answer, for a bounded while; ``all_`` holds those that are open."""

    def __init__(self, responder: Responder, all_: "set[_Conversation]") -> None:
        self._responder = responder
        self._all = all_

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._late = asyncio.get_running_loop().call_later(_CONNECTION_SECONDS, self.end)
        self._all.add(self)
        if len(self._all) > _CONNECTIONS:
            self.end()

    def data_received(self, data: bytes) -> None:
        if answer := self._responder.answer(data):
            self._transport.write(answer)
        self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._late.cancel()
        self._all.discard(self)

    def end(self) -> None:
        """Hang up, whatever was asked."""
        self._transport.abort()


def _listener(path: Path) -> socket.socket:
    """A socket at ``path`` for us alone; the file that a dead process left there gives way."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(str(path)) not in {errno.ENOENT, errno.ECONNREFUSED}:
            raise OSError(errno.EADDRINUSE, f"{path} is in use by another process")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener


def _name(host: str) -> dns.name.Name:
    return dns.name.from_text(f"{host}.")


def _wildcard(name: dns.name.Name) -> dns.name.Name:
    """The wildcard that stands for the name where the name itself is unknown (RFC 4592), one label above alone."""
    return dns.name.Name((b"*", *name.labels[1:])) if len(name) > 1 else name


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
