"""What a runtime is asked for: the instances of a release, with the secret versions that the release pinned."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from adapters.artifacts import Artifacts
from adapters.runtime.instance import SERVING, InstanceSpec
from adapters.runtime.toolchains import Toolchains
from commands.ports import Vault
from domain.identifiers import ReleaseId, TenantId
from domain.release import ReleaseCut


def common_prefix(release_id: ReleaseId) -> str:
    """What the names of a release's instances begin with."""
    return f"{release_id}-"


def instance_id(release_id: ReleaseId, number: int) -> str:
    """The name of a release's ``number``-th instance, counted from 0."""
    return f"{common_prefix(release_id)}{number}"


@dataclass(frozen=True)
class Specifier:
    """Turns a release into the instances that serve it."""

    artifacts: Artifacts
    toolchains: Toolchains
    vault: Vault

    async def instances(self, tenant_id: TenantId, cut: ReleaseCut) -> list[InstanceSpec]:
        """One specification an instance; none for a static site. Raises ``NotFound`` where a secret was forgotten."""
        if cut.start_command is None:
            return []
        variables = await self.variables(tenant_id, cut)
        toolchains = await self.toolchains.recall(cut.surroundings.tools, _nobody_listens)
        limits = cut.runtime.limits
        return [
            InstanceSpec(
                instance_id=instance_id(cut.release_id, number),
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
