"""What goes into a build besides the commit: where to fetch it and with what, and the secrets' versions."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.git_setup import Credential
from adapters.masking import Masks
from adapters.sources import connected, decoded
from commands.handling import Handler
from commands.ports import SecretValue, Vault
from domain.deployment import DeploymentQueued
from domain.identifiers import TenantId
from domain.release import SecretPin
from projections import secrets
from projections.reading import Reader


@dataclass(frozen=True, kw_only=True)
class Ingredients:
    """Gathered once, when the work begins. Its ``repr`` shows no value."""

    url: str
    credential: Credential | None
    pins: tuple[SecretPin, ...]
    values: Mapping[str, SecretValue]

    @property
    def variables(self) -> Mapping[str, str]:
        """The secrets as variables."""
        return {name: value.reveal for name, value in self.values.items()}

    @property
    def masks(self) -> Masks:
        """What may stand in no line of the log."""
        return Masks([*self.values.values(), *_secrets_of(self.credential)])


async def gather(
    handler: Handler, vault: Vault, reader: Reader, tenant_id: TenantId, queued: DeploymentQueued
) -> Ingredients:
    """Everything for one deployment. Raises ``NotFound`` where the connection or a value is gone."""
    url, credential = await connected(handler, vault, tenant_id, queued.recipe.connection_id)
    rows = await secrets.effective(reader, tenant_id, queued.project_id, queued.environment_id)
    return Ingredients(
        url=url,
        credential=decoded(credential) if credential else None,
        pins=tuple(SecretPin(secret_id=row.id, name=row.name, version=row.version) for row in rows),
        values={row.name: await vault.open(tenant_id, row.id, row.version) for row in rows},
    )


def _secrets_of(credential: Credential | None) -> list[SecretValue]:
    return [SecretValue(text) for text in (credential.token, credential.private_key) if text] if credential else []
