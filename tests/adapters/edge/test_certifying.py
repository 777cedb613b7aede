"""The edge visits hosts for their certificates, marks what is there, and says each thing once."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from adapters.settings import Address, Settings, private_directory
from commands.custom_domain import AddCustomDomain
from commands.handling import Handler
from domain.custom_domain import CertificateFailed, CertificateIssued, CertificateRequested
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId, TenantId
from projections.custom_domains import CUSTOM_DOMAINS
from services.certificates import MOST_BELOW_A_WILDCARD, Certificates
from tests.adapters.edge.storing import stored
from tests.commands.memory import MemoryLog, caused_by
from tests.projections.memory import MemoryReadModels

HOST = "www.example.com"
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=900)


class Edge:
    """The certificates of one domain, and the log that they are told to."""

    def __init__(self, directory) -> None:
        self.settings = Settings(data_dir=private_directory(directory / "data"))
        self.settings.logs_dir.mkdir()
        self.log = MemoryLog()
        self.handler = Handler(self.log)
        self.certificates = self.restarted()

    def restarted(self) -> Certificates:
        return Certificates(self.settings, Address("127.0.0.1", 1), self.handler)  # nobody listens there

    async def add(self):
        command = AddCustomDomain(
            domain_id=CustomDomainId("domain"),
            tenant_id=TenantId("acme"),
            project_id=ProjectId("project"),
            environment_id=EnvironmentId("environment"),
            hostname=HOST,
            apps_domain="localhost",
        )
        caused = await self.handler.handle(command, caused_by("add"))
        models = MemoryReadModels()
        models.deliver(caused.facts)
        [row] = models.rows(CUSTOM_DOMAINS)
        return msgspec.structs.replace(row, pointing=True)

    def complain(self, why) -> None:
        with self.settings.certificates_log.open("ab") as log:
            log.write(msgspec.json.encode({"identifier": HOST, "error": why}) + b"\n")

    def told(self):
        return [one.fact for one in self.log.recorded[1:]]

    def marked(self, kind):
        return {file.name for file in (self.settings.sites_dir / kind).iterdir()}


@pytest.fixture
def edge(tmp_path):
    return Edge(tmp_path)


def test_each_change_is_told_once_and_again_by_nobody_after_a_restart(edge):
    async def scenario():
        row = await edge.add()
        for _ in range(3):
            await edge.certificates.look([row])
        edge.complain("refused")
        for _ in range(3):
            await edge.certificates.look([row])
        edge.complain("refused")
        await edge.certificates.look([row])
        stored(edge.settings.storage_dir, HOST, until=LATER)
        for _ in range(3):
            await edge.certificates.look([row])
        again = edge.restarted()
        await again.look([row])
        for certificates in (edge.certificates, again):
            await certificates.stop()

    asyncio.run(scenario())
    assert [type(fact) for fact in edge.told()] == [CertificateRequested, CertificateFailed, CertificateIssued]
    assert [edge.told()[1].problem, edge.told()[2].not_after] == ["refused", LATER]


def test_a_domain_that_points_elsewhere_or_is_gone_is_not_visited(edge):
    async def scenario():
        row = await edge.add()
        await edge.certificates.look([msgspec.structs.replace(row, pointing=False)])
        await edge.certificates.look([])
        await edge.certificates.stop()

    asyncio.run(scenario())
    assert edge.told() == []


def test_hosts_that_are_served_may_have_a_certificate_and_those_that_have_one_are_secured(edge):
    stored(edge.settings.storage_dir, HOST, until=LATER)
    stored(edge.settings.storage_dir, "old.example.com", until=datetime.now(UTC) - timedelta(days=1))
    stored(edge.settings.storage_dir, "else.example.org", until=LATER)

    edge.certificates.mark({HOST, "old.example.com", "new.example.com"})

    assert edge.marked("allowed") == {HOST, "old.example.com", "new.example.com"}
    assert edge.marked("secured") == {HOST}
    edge.certificates.mark(set())
    assert edge.marked("allowed") == edge.marked("secured") == set()


def test_below_a_wildcard_only_so_many_hosts_get_a_certificate_which_they_keep(edge):
    names = {f"n{number}.example.com" for number in range(MOST_BELOW_A_WILDCARD)}
    for name in sorted(names)[1:]:
        stored(edge.settings.storage_dir, name, until=LATER)
    edge.certificates.mark({"*.example.com"})
    assert "_.example.com" in edge.marked("allowed")

    stored(edge.settings.storage_dir, min(names), until=LATER)
    edge.certificates.mark({"*.example.com"})

    assert edge.marked("allowed") == edge.marked("secured") == names
