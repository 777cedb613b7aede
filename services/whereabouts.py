"""Where something happened: the project and the environment of a fact, which many facts do not name themselves."""

from collections import OrderedDict

from domain.deployment import DeploymentQueued
from domain.fact import Fact, Value
from domain.history import Recorded
from domain.identifiers import EnvironmentId, ProjectId, StreamName, TenantId
from projections import environments, projects
from projections.phrases import deployment_reference
from services.wiring import Core

MOST_KNOWN = 1000
"""Streams whose first fact is remembered."""


class Place(Value):
    """A project, an environment and a deployment's number, as far as they are known."""

    project_id: ProjectId | None = None
    environment_id: EnvironmentId | None = None
    number: int | None = None


class Whereabouts:
    """Finds places. Every method raises ``Unavailable`` while the database is away."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._begun: OrderedDict[StreamName, Place] = OrderedDict()

    async def of(self, recorded: Recorded) -> Place:
        """Where a fact belongs: as it says itself, else as the first fact of its stream says."""
        place = _named(recorded.fact)
        if recorded.version > 1 and not (place.project_id and place.environment_id):
            place = _completed(place, await self._beginning(recorded.stream))
        if place.environment_id and not place.project_id:
            row = await environments.find(self._core.reader, recorded.context.tenant_id, place.environment_id)
            place = _completed(place, Place(project_id=row.project_id if row else None))
        return place

    async def told(self, recorded: Recorded, tenant: TenantId) -> str:
        """The place for people: ``shop · production · DEP-0042``, as far as it is known."""
        place, reader = await self.of(recorded), self._core.reader
        project = await projects.find(reader, tenant, place.project_id) if place.project_id else None
        environment = await environments.find(reader, tenant, place.environment_id) if place.environment_id else None
        parts = [
            project.slug if project else None,
            environment.name if environment else None,
            deployment_reference(place.number) if place.number else None,
        ]
        return " · ".join(part for part in parts if part)

    async def _beginning(self, stream: StreamName) -> Place:
        if stream not in self._begun:
            query = "SELECT position FROM log.events WHERE stream = %s ORDER BY version LIMIT 1"
            [(position,)] = await self._core.database.fetch(query, [stream])
            [first] = await self._core.log.notifications(position - 1, 1)
            self._begun[stream] = _named(first.fact)
        self._begun.move_to_end(stream)
        if len(self._begun) > MOST_KNOWN:
            self._begun.popitem(last=False)
        return self._begun[stream]


def _named(fact: Fact) -> Place:
    number = fact.number if isinstance(fact, DeploymentQueued) else getattr(fact, "deployment_number", None)
    return Place(
        project_id=getattr(fact, "project_id", None),
        environment_id=getattr(fact, "environment_id", None),
        number=number,
    )


def _completed(place: Place, other: Place) -> Place:
    return Place(
        project_id=place.project_id or other.project_id,
        environment_id=place.environment_id or other.environment_id,
        number=place.number or other.number,
    )
