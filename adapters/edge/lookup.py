"""What the edge answers at this moment: asked of its responder, as Caddy asks it."""

from collections.abc import Callable

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
from dns.rdtypes.IN.SRV import SRV

TIMEOUT_SECONDS = 1.0


class Lookup:
    """Asks the responder on this machine. ``port`` is called for each question, since it is known only once it runs."""

    def __init__(self, port: Callable[[], int | None]) -> None:
        self._port = port

    async def upstreams(self, host: str) -> frozenset[tuple[str, int]] | None:
        """The targets and ports that requests for ``host`` go to; None where the edge does not answer."""
        port = self._port()
        if port is None:
            return None
        question = dns.message.make_query(f"{host}.", dns.rdatatype.SRV)
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(question, "127.0.0.1", TIMEOUT_SECONDS, port)
        except (dns.exception.DNSException, OSError):
            return None
        return frozenset(
            (str(record.target), record.port)
            for records in answer.answer
            for record in records
            if isinstance(record, SRV)
        )
