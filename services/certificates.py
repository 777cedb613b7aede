"""Certificates of custom domains: visited so that Caddy gets them, marked once they are there, and reported.

Whatever is known here is looked for again after a restart; the log alone keeps what was said of it.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog

from adapters.edge.certificates import Certificate, Complaints, Storage, knock
from adapters.edge.https import ALLOWED, SECURED
from adapters.edge.marks import Marks
from adapters.settings import Address, Settings
from commands.custom_domain import ReportCertificate
from commands.handling import Handler
from domain.custom_domain import (
    WILDCARD,
    CertificateFailed,
    CertificateIssued,
    CertificateNews,
    CertificateRequested,
)
from domain.history import Actor, Context
from domain.identifiers import CausationId, CustomDomainId, RequestId, uuid7
from domain.rejection import Rejection
from projections.custom_domains import CustomDomainRow

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 6 * 3600.0
"""Seconds between visits to a host whose certificate does not come; Caddy tries again by itself as well."""
KNOCKING = 8
"""So many hosts are visited at a time."""
MOST_BELOW_A_WILDCARD = 50
"""So many names below one wildcard get a certificate: anybody may think of names, and authorities count them."""

log = structlog.get_logger(__name__)


class Certificates:
    """Keeps the marks of ``adapters.edge.https``, and tells the log how certificates stand."""

    def __init__(self, settings: Settings, address: Address, handler: Handler) -> None:
        self._address = address
        self._handler = handler
        self._storage = Storage(settings.storage_dir)
        self._complaints = Complaints(settings.certificates_log)
        self._allowed = Marks(settings.sites_dir / ALLOWED)
        self._secured = Marks(settings.sites_dir / SECURED)
        self._said: dict[CustomDomainId, CertificateNews] = {}
        self._pauses: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._knocking: dict[str, asyncio.Task[None]] = {}

    def secured(self, hosts: Iterable[str]) -> set[str]:
        """Those of the hosts that have a certificate which is good."""
        now = datetime.now(UTC)
        return {host for host in hosts if (found := self._storage.of(host)) and found.is_good(now)}

    def mark(self, hosts: set[str]) -> None:
        """Let these hosts and wildcards have certificates, and redirect those that do. Raises OSError."""
        below = self._below({host for host in hosts if host.startswith(WILDCARD)})
        full = {wildcard for wildcard, names in below.items() if len(names) >= MOST_BELOW_A_WILDCARD}
        named = {host for host in hosts if not host.startswith(WILDCARD)}.union(*below.values())
        self._allowed.keep((hosts | named) - full)
        self._secured.keep(self.secured(named))

    async def look(self, rows: Iterable[CustomDomainRow]) -> None:
        """Visit hosts that need a certificate, and report what has changed. Raises ``Unavailable``."""
        complaints, now = self._complaints.heard(), datetime.now(UTC)
        wanted = {row.hostname: row for row in rows if not row.hostname.startswith(WILDCARD)}
        self._forget(set(wanted))
        for host, row in wanted.items():
            found = self._storage.of(host)
            good = found is not None and found.is_good(now)
            if row.pointing and (found is None or not good or found.wants_renewal(now)):
                self._visit(host)
            if news := _news(row, found if good else None, complaints.get(host), visited=host in self._due):
                await self._report(row, news)

    async def stop(self) -> None:
        """Visit no more."""
        for task in self._knocking.values():
            task.cancel()
        await asyncio.gather(*self._knocking.values(), return_exceptions=True)

    def _below(self, wildcards: set[str]) -> dict[str, set[str]]:
        """The hosts below each wildcard that have a certificate."""
        found: dict[str, set[str]] = {wildcard: set() for wildcard in wildcards}
        for host in self._storage.hosts() if wildcards else ():
            wildcard = WILDCARD + host.partition(".")[2]
            if wildcard in found:
                found[wildcard].add(host)
        return found

    def _visit(self, host: str) -> None:
        """Knock where it is time to, and not at too many hosts at once."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._due.get(host, 0.0) or len(self._knocking) >= KNOCKING:
            return
        pause = self._pauses.get(host, FIRST_PAUSE)
        self._due[host], self._pauses[host] = loop.time() + pause, min(2 * pause, LONGEST_PAUSE)
        task = asyncio.create_task(self._knock(host), name=f"knock at {host}")
        self._knocking[host] = task
        task.add_done_callback(lambda _: self._knocking.pop(host, None))

    async def _knock(self, host: str) -> None:
        log.info("visited a host for its certificate", host=host, answer=await knock(self._address, host))

    def _forget(self, wanted: set[str]) -> None:
        for host in self._due.keys() - wanted:
            del self._due[host], self._pauses[host]

    async def _report(self, row: CustomDomainRow, news: CertificateNews) -> None:
        """Once for each change that was seen here: another machine's edge may see something else."""
        if self._said.get(row.id) == news:
            return
        context = Context(
            tenant_id=row.tenant_id,
            actor=Actor(name="edge"),
            correlation_id=RequestId(uuid7()),
            causation_id=CausationId(uuid7()),
            at=datetime.now(UTC),
        )
        try:
            await self._handler.handle(ReportCertificate(domain_id=row.id, news=news), context)
        except Rejection as refused:
            log.info("a certificate's domain is gone", host=row.hostname, why=refused.message)
        self._said[row.id] = news


def _news(
    row: CustomDomainRow, found: Certificate | None, complaint: str | None, *, visited: bool
) -> CertificateNews | None:
    """How the certificate stands, if that can be said."""
    if found:
        return CertificateIssued(
            domain_id=row.id, hostname=row.hostname, not_after=found.not_after, issuer=found.issuer
        )
    if complaint:
        return CertificateFailed(domain_id=row.id, hostname=row.hostname, problem=complaint)
    return CertificateRequested(domain_id=row.id, hostname=row.hostname) if visited else None
