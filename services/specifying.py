"""What a runtime is asked for: the instances of a release, with the secret versions that the release pinned."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from adapters.artifacts import Artifacts
from adapters.runtime.instance import SERVING, Instance, InstanceSpec
from adapters.runtime.toolchains import Toolchains
from commands.ports import Vault
from domain.environment import Launch
from domain.identifiers import ReleaseId, TenantId
from domain.release import ReleaseCut

AS_CUT = Launch()
"""The launch that runs a release as it was cut."""


def common_prefix(release_id: ReleaseId) -> str:
    """What the names of a release's instances begin with."""
    return f"{release_id}-"


def instance_id(release_id: ReleaseId, number: int, launch: int = 0) -> str:
    """The name of a launch's ``number``-th instance, counted from 0."""
    return f"{common_prefix(release_id)}{f'{launch}-' if launch else ''}{number}"


def place_of(instance: Instance) -> tuple[int, int]:
    """The launch that an instance belongs to, and its number there."""
    *launch, number = instance.instance_id.removeprefix(common_prefix(ReleaseId(instance.release_id))).split("-")
    return int(launch[0]) if launch else 0, int(number)


def launched(cut: ReleaseCut, launch: Launch) -> ReleaseCut:
    """The release as the launch runs it. What its build found to start it with holds where nothing else is said."""
    if launch.runtime is None:
        return cut
    said = launch.runtime.start_command if cut.start_command else None
    return replace(cut, runtime=launch.runtime, start_command=said or cut.start_command)


@dataclass(frozen=True)
class Specifier:
    """Turns a release into the instances that serve it."""

    artifacts: Artifacts
    toolchains: Toolchains
    vault: Vault

    async def instances(self, tenant_id: TenantId, cut: ReleaseCut, launch: Launch) -> list[InstanceSpec]:
        """One specification an instance; none for a static site. Raises ``NotFound`` where a secret was forgotten."""
        cut = launched(cut, launch)
        if cut.start_command is None:
            return []
        variables = await self.variables(tenant_id, cut)
        toolchains = await self.toolchains.recall(cut.surroundings.tools, _nobody_listens)
        limits = cut.runtime.limits
        return [
            InstanceSpec(
                instance_id=instance_id(cut.release_id, number, launch.number),
                release_id=cut.release_id,
                tenant_id=tenant_id,
                environment_id=cut.environment_id,
                artifact=self.artifacts.path(cut.artifact),
                start_command=cut.start_command,
                port=cut.runtime.port,
                environment=variables,
                toolchains=toolchains,
                programs=cut.surroundings.programs,
                directory=cut.surroundings.directory,
                limits=replace(SERVING, memory_bytes=limits.memory_mb << 20, cpus=limits.cpus),
            )
            for number in range(cut.runtime.instances)
        ]

    async def variables(self, tenant_id: TenantId, cut: ReleaseCut) -> Mapping[str, str]:
        """The release's secrets by name, in the versions that it pinned."""
        return {pin.name: (await self.vault.open(tenant_id, pin.secret_id, pin.version)).reveal for pin in cut.secrets}


async def _nobody_listens(_: bytes) -> None:
    """What a tool says while it is fetched again is no application's output."""
