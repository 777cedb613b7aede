"""What goes into a build besides the commit: where to fetch it and with what, and the secrets' versions."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from adapters.git_setup import Credential
from adapters.masking import Masks
from adapters.repository_url import FetchPolicy
from adapters.settings import Settings
from commands import repository
from commands.handling import Handler
from commands.ports import SecretValue, Vault
from commands.repository import require_connected
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
    connection = await handler.state(repository.DECIDER, queued.recipe.connection_id, tenant_id)
    require_connected(connection)
    credential = await vault.open(tenant_id, connection.credential, 1) if connection.credential else None
    rows = await secrets.effective(reader, tenant_id, queued.project_id, queued.environment_id)
    return Ingredients(
        url=connection.url,
        credential=decoded(credential) if credential else None,
        pins=tuple(SecretPin(secret_id=row.id, name=row.name, version=row.version) for row in rows),
        values={row.name: await vault.open(tenant_id, row.id, row.version) for row in rows},
    )


def encoded(credential: Credential) -> SecretValue:
    """A credential as the vault keeps it."""
    return SecretValue(msgspec.json.encode(credential).decode())


def decoded(value: SecretValue) -> Credential:
    """A credential from what the vault kept."""
    return msgspec.json.decode(value.reveal, type=Credential)


def policy(settings: Settings) -> FetchPolicy:
    """Which repositories the operator allows."""
    return FetchPolicy(allow_local=settings.allow_local_repositories, allow_private=settings.allow_private_networks)


def _secrets_of(credential: Credential | None) -> list[SecretValue]:
    return [SecretValue(text) for text in (credential.token, credential.private_key) if text] if credential else []
