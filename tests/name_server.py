"""A name server on a loopback port, whose records a test changes: resolver and authority in one."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from adapters.settings import Address


class NameServer:
    """Holds the zone ``example.test``, which it serves itself, and whatever else it is told to."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.asked: list[tuple[str, str]] = []
        self.mute = False
        """Refuse each question."""
        self._records: dict[tuple[dns.name.Name, str], list[str]] = {}
        self.set("example.test", "NS", "ns.example.test.")
        self.set("ns.example.test", "A", "127.0.0.1")

    def set(self, name: str, kind: str, *values: str) -> None:
        """Let ``name`` have these records of this kind, and no others; none removes it."""
        self._records[dns.name.from_text(name), kind] = list(values)

    def answer(self, wire: bytes) -> bytes:
        """The answer to a question; all names that are known by themselves, or else do not exist."""
        question = dns.message.from_wire(wire)
        response = dns.message.make_response(question)
        response.flags |= dns.flags.AA
        asked = question.question[0]
        kind = dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((asked.name.to_text(omit_final_dot=True), kind))
        if self.mute:
            response.set_rcode(dns.rcode.REFUSED)
        elif not any(name == asked.name and values for (name, _), values in self._records.items()):
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            self._fill(response, asked.name, kind)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: dns.name.Name, kind: str) -> None:
        for found in dict.fromkeys((kind, "CNAME")):
            if values := self._records.get((name, found)):
                response.answer.append(dns.rrset.from_text_list(name, 0, "IN", found, values))
                if found == "CNAME" != kind:
                    self._fill(response, dns.name.from_text(values[0]), kind)


@contextmanager
def serving(port: int = 0) -> Iterator[NameServer]:
    """A name server for the length of the block, on UDP."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, replies = self.request
            try:
                replies.sendto(server.answer(wire), self.client_address)
            except dns.exception.DNSException:
                return

    with socketserver.ThreadingUDPServer(("127.0.0.1", port), Handler) as udp:
        udp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        server = NameServer(Address("127.0.0.1", udp.server_address[1]))
        thread = threading.Thread(target=lambda: udp.serve_forever(0.02))
        thread.start()
        try:
            yield server
        finally:
            udp.shutdown()
            thread.join(5)
