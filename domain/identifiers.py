"""A NewType for every id, and how ids are made.

Every id is the text of a UUID. New ones are version 7 (RFC 9562, section 5.7), so they sort by the time of making.
"""

import time
from secrets import token_bytes
from typing import NewType
from uuid import NAMESPACE_OID, UUID, uuid5

AccountId = NewType("AccountId", str)
SessionId = NewType("SessionId", str)
ApiTokenId = NewType("ApiTokenId", str)
TenantId = NewType("TenantId", str)
InvitationId = NewType("InvitationId", str)
ConnectionId = NewType("ConnectionId", str)
ProjectId = NewType("ProjectId", str)
EnvironmentId = NewType("EnvironmentId", str)
DeploymentId = NewType("DeploymentId", str)
ReleaseId = NewType("ReleaseId", str)
SecretId = NewType("SecretId", str)
KeyringId = NewType("KeyringId", str)
CustomDomainId = NewType("CustomDomainId", str)
DatabaseId = NewType("DatabaseId", str)
BackupId = NewType("BackupId", str)
MachineId = NewType("MachineId", str)
ScheduleId = NewType("ScheduleId", str)
FreezeWindowId = NewType("FreezeWindowId", str)
ExecutorId = NewType("ExecutorId", str)
ExportId = NewType("ExportId", str)
ChannelId = NewType("ChannelId", str)
DeliveryId = NewType("DeliveryId", str)
RequestId = NewType("RequestId", str)
CausationId = NewType("CausationId", str)

StreamName = NewType("StreamName", str)
"""``<category>-<id>``: the facts of one thing."""

LogId = NewType("LogId", str)
"""``deployment-<id>`` for a build's lines, ``release-<id>`` for those of a running application, ``access-<id>`` for the
requests to an environment."""


def uuid7() -> str:
    """A new id that sorts after all earlier ones made on this machine (to the millisecond)."""
    milliseconds = time.time_ns() // 1_000_000
    head = milliseconds.to_bytes(6, "big")
    tail = bytearray(token_bytes(10))
    tail[0] = 0x70 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    return str(UUID(bytes=head + bytes(tail)))


def derived(causation: CausationId, what: str) -> str:
    """The id of the one ``what`` that ``causation`` makes, equal each time the command is repeated (rule 6)."""
    return str(uuid5(NAMESPACE_OID, f"{causation}/{what}"))


def stream(category: str, identifier: str) -> StreamName:
    """The stream of one thing."""
    return StreamName(f"{category}-{identifier}")


def build_log(deployment: DeploymentId) -> LogId:
    """The log that a deployment's steps write."""
    return LogId(f"deployment-{deployment}")


def deployment_of(log: LogId) -> DeploymentId | None:
    """The deployment whose steps write the log; None for another kind of log."""
    kind, _, identifier = log.partition("-")
    return DeploymentId(identifier) if kind == "deployment" else None


def runtime_log(release: ReleaseId) -> LogId:
    """The log that a release's running instances write."""
    return LogId(f"release-{release}")


def access_log(environment: EnvironmentId) -> LogId:
    """The log of the requests to an environment. It is never closed."""
    return LogId(f"access-{environment}")
