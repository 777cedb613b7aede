"""What a workspace may use, and what it uses."""

from datetime import datetime

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.native.wire.workspaces import LimitOut, LimitsOut
from adapters.quotas import Used
from commands.limiting import DEPLOYMENTS, midnight, seconds_left
from domain.identifiers import TenantId
from domain.limits import Limits
from projections import credentials

DAILY = frozenset({"deployments_per_day", "log_mb_per_day"})


async def limits_of(call: Call, tenant: TenantId) -> Answer[LimitsOut]:
    """Every limit of the workspace with its use. Raises ``NotFound``."""
    row = existing(await credentials.workspace(call.parts.reader, tenant), "workspace")
    used = await call.parts.quotas.used(tenant, call.context.at)
    limits, resets = row.limits.over(call.parts.settings.limits), midnight(call.context.at)
    shown = {name: _limit(name, row.limits, limits, used, resets) for name in LimitsOut.__struct_fields__}
    return call.shown(1, LimitsOut(**shown))


async def say_quota(call: Call) -> None:
    """Let the answer say how many deployments the workspace may ask for today, where they are counted."""
    row = existing(await credentials.workspace(call.parts.callers, call.tenant), "workspace")
    limit = row.limits.over(call.parts.settings.limits).deployments_per_day
    if limit is not None:
        at = call.context.at
        held = await call.parts.quotas.held(call.tenant, DEPLOYMENTS.of(at))
        call.exchange.headers |= {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - held)),
            "RateLimit-Reset": str(seconds_left(at)),
        }


def _limit(name: str, own: Limits, limits: Limits, used: Used, resets: datetime) -> LimitOut:
    return LimitOut(
        limit=getattr(limits, name),
        own=getattr(own, name) is not None,
        used=getattr(used, name, None),
        resets_at=resets if name in DAILY else None,
    )
