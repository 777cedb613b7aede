"""What the edge answers at this moment: asked of its responder, as Caddy asks it."""

import asyncio
from pathlib import Path

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
from dns.rdtypes.IN.SRV import SRV

TIMEOUT_SECONDS = 1.0
_MOST_BYTES = 65535
"""The longest answer: more than a thousand instances."""


class Lookup:
    """Asks the responder that listens at ``socket``."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def upstreams(self, host: str) -> frozenset[tuple[str, int]] | None:
        """The targets and ports that requests for ``host`` go to; None where the edge does not answer."""
        question = dns.message.make_query(f"{host}.", dns.rdatatype.SRV, use_edns=0, payload=_MOST_BYTES)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = dns.message.from_wire(await self._ask(question.to_wire()))
        except (dns.exception.DNSException, OSError):
            return None
        if not question.is_response(answer) or answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            return None
        return frozenset(
            (str(record.target), record.port)
            for records in answer.answer
            for record in records
            if isinstance(record, SRV)
        )

    async def _ask(self, question: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(question)
            return await reader.read()
        finally:
            writer.close()
