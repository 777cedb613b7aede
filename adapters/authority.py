"""What a domain's own name servers answer, asked directly: no cache on the way tells what was true an hour ago."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.NS import NS
from dns.rdtypes.ANY.TXT import TXT

from adapters.settings import Settings
from commands.verifying import Installation
from domain.custom_domain import Seen, base, challenge_name

LOOK_SECONDS = 10.0
"""How long a whole look takes at the most."""
_RESOLVER_SECONDS = 4.0
_QUESTION_SECONDS = 2.0
_MOST_SERVERS = 4
"""So many name servers are asked until one answers."""
_MOST_RECORDS = 10
_LONGEST_TEXT = 255
_ROOT_LABELS = 3
"""Labels of ``example.com.``, the root's among them: zones above belong to a registry."""

_Answer = dns.message.Message


class _Unanswered(Exception):
    """Nobody answered, or not so that anything is known; the message says it for people."""


@dataclass(frozen=True)
class _Zone:
    """The name servers of a zone: their names, and the addresses at which they may be asked."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]


def installation(settings: Settings) -> Installation:
    """What all domains have to lead to."""
    return Installation(
        apps_domain=settings.apps_domain,
        addresses=settings.addresses,
        grace=timedelta(seconds=settings.domain_grace_seconds),
    )


class Authority:
    """The port ``commands.ports.Dns``."""

    def __init__(self, settings: Settings) -> None:
        self._resolver_at = settings.dns_resolver
        self._port = settings.dns_resolver.port if settings.dns_resolver else 53
        self._allow_private = settings.allow_private_networks

    async def look(self, hostname: str) -> Seen:
        """The challenge's TXT records, and where the host name leads; within ``LOOK_SECONDS``."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._look(hostname)
        except TimeoutError:
            return Seen(failure=f"no answer came within {LOOK_SECONDS:g} seconds.")
        except (_Unanswered, dns.exception.DNSException, OSError) as problem:
            return Seen(failure=str(problem)[:300] or type(problem).__name__)

    async def _look(self, hostname: str) -> Seen:
        resolver = self._resolver()
        beside = dns.name.from_text(challenge_name(hostname))
        zone = await self._zone(resolver, beside)
        place = await self._zone(resolver, dns.name.from_text(base(hostname)))
        host = dns.name.from_text(hostname)
        txt = await self._texts(resolver, zone, beside)
        cname, addresses = await self._leads(resolver, place, host)
        return Seen(name_servers=place.names, txt=txt, cname=cname, addresses=addresses)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=self._resolver_at is None)
        if self._resolver_at:
            resolver.nameservers, resolver.port = [self._resolver_at.host], self._resolver_at.port
        resolver.lifetime = _RESOLVER_SECONDS
        return resolver

    async def _zone(self, resolver: dns.asyncresolver.Resolver, name: dns.name.Name) -> _Zone:
        """The servers of the zone that holds ``name``; none where nobody has registered it."""
        while len(name) >= _ROOT_LABELS:
            with suppress(dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                found = await resolver.resolve(name, "NS", search=False)
                names = [record.target for record in found if isinstance(record, NS)]
                if found.qname == name and found.canonical_name == name and names:
                    return await self._reachable(resolver, names[: 2 * _MOST_SERVERS])
            name = name.parent()
        return _Zone((), ())

    async def _reachable(self, resolver: dns.asyncresolver.Resolver, names: Sequence[dns.name.Name]) -> _Zone:
        found = [address for name in names for address in await _addresses(resolver, name)]
        allowed = [one for one in found if self._allow_private or ip_address(one).is_global]
        shown = tuple(sorted(name.to_text(omit_final_dot=True).lower() for name in names))
        if not allowed:
            why = "have no public address" if found else "have no address"
            raise _Unanswered(f"its name servers {', '.join(shown)} {why}.")
        return _Zone(shown, tuple(random.sample(allowed, min(len(allowed), _MOST_SERVERS))))

    async def _asked(self, zone: _Zone, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> _Answer:
        """The first answer of somebody who rules the zone. Raises _Unanswered."""
        complaints = []
        for address in zone.addresses:
            question = dns.message.make_query(name, kind, use_edns=0, payload=1232, flags=0)
            try:
                answer, _ = await dns.asyncquery.udp_with_fallback(
                    question, address, timeout=_QUESTION_SECONDS, port=self._port, ignore_unexpected=True
                )
            except (dns.exception.DNSException, OSError) as problem:
                complaints.append(f"{address}: {str(problem) or type(problem).__name__}")
                continue
            if answer.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN} and answer.flags & dns.flags.AA:
                return answer
            complaints.append(f"{address}: {dns.rcode.to_text(answer.rcode())}, without authority")
        raise _Unanswered("; ".join(complaints) + ".")

    async def _texts(self, resolver: dns.asyncresolver.Resolver, zone: _Zone, name: dns.name.Name) -> tuple[str, ...]:
        """The TXT records of ``name``; where that is an alias, those of what it stands for."""
        if not zone.addresses:
            return ()
        answer = await self._asked(zone, name, dns.rdatatype.TXT)
        records = [record for rrset in answer.answer for record in rrset]
        if any(isinstance(record, CNAME) for record in records):
            with suppress(dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                records = [*await resolver.resolve(name, "TXT", search=False)]
        texts = [b"".join(one.strings).decode("utf-8", "replace") for one in records if isinstance(one, TXT)]
        return tuple(text[:_LONGEST_TEXT] for text in sorted(texts)[:_MOST_RECORDS])

    async def _leads(
        self, resolver: dns.asyncresolver.Resolver, zone: _Zone, name: dns.name.Name
    ) -> tuple[str | None, tuple[str, ...]]:
        """What ``name`` is an alias for, if it is one, and the addresses that it leads to in the end."""
        if not zone.addresses:
            return None, ()
        answers = [await self._asked(zone, name, kind) for kind in (dns.rdatatype.A, dns.rdatatype.AAAA)]
        records = [(rrset.name, one) for answer in answers for rrset in answer.answer for one in rrset]
        aliases = [one.target for owner, one in records if isinstance(one, CNAME) and owner == name]
        if aliases:
            found = await _addresses(resolver, aliases[0])
            return aliases[0].to_text(omit_final_dot=True).lower(), _shown(found)
        return None, _shown([one.to_text() for owner, one in records if owner == name])


async def _addresses(resolver: dns.asyncresolver.Resolver, name: dns.name.Name) -> list[str]:
    """The addresses of a name by the resolver; none where it says that there are none, or does not know."""
    with suppress(dns.exception.DNSException, OSError):
        found = await resolver.resolve_name(name, search=False)
        return list(found.addresses())
    return []


def _shown(addresses: Sequence[str]) -> tuple[str, ...]:
    """In their shortest form, each once, the first ones alone."""
    return tuple(sorted({str(ip_address(one)) for one in addresses})[:_MOST_RECORDS])
