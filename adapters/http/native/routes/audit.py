"""The audit trail: looked up, followed, taken elsewhere; and why a deployment is as it is."""

from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from msgspec.structs import replace

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import operators_only
from adapters.http.native import auditing, words
from adapters.http.native.wire.audit import AuditExport, AuditOut, Why
from adapters.http.paging import Asked, Listing
from adapters.http.sending import Sending
from adapters.http.streams.asking import cursor, wants_ndjson
from adapters.http.streams.framing import EVENTS, NDJSON
from commands.audit import ExportAuditTrail
from commands.checks import invalid
from domain.audit import ExportFormat
from domain.catalogue import FACTS
from domain.identifiers import DeploymentId, ExportId, StreamName, TenantId, stream
from projections import audit_trail, deployments
from projections.audit_trail import Sought

AUDIT = "/tenants/{tenant_id:str}/audit"

Actor = Annotated[
    str | None, QueryParameter(max_length=320, description="An e-mail address, a part's name, or an account's id.")
]
Action = Annotated[
    str | None, QueryParameter(max_length=100, description="A type such as secret.set, or several: deployment.*")
]
Subject = Annotated[StreamName | None, QueryParameter(max_length=100, description="One thing, such as project-<id>.")]
Since = Annotated[datetime | None, QueryParameter(description="Not before this moment.")]
Until = Annotated[datetime | None, QueryParameter(description="Before this moment.")]
After = Annotated[
    int | None, QueryParameter(ge=0, le=2**53, description="Only facts behind this position; the oldest first.")
]


@get(AUDIT)
async def list_audit_trail(
    request: Request[Any, Any, Any],
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    after: After = None,
) -> Answer[Listing[AuditOut]]:
    """Show who did what, when, from where and why.

    The newest first, or from a position on the oldest first. With ``Accept: text/event-stream`` or
    ``application/x-ndjson`` facts come as they happen, from ``after`` or ``Last-Event-ID`` on.
    """
    sought = _sought(call.tenant, actor, action, subject, since, until, after)
    return await _answered(request, call, asked, sought)


@get("/operator/audit", guards=[operators_only])
async def list_all_audit_trails(
    request: Request[Any, Any, Any],
    call: NamedDependency[Call],
    asked: NamedDependency[Asked],
    tenant: Annotated[TenantId | None, QueryParameter(max_length=36, description="One workspace alone.")] = None,
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    after: After = None,
) -> Answer[Listing[AuditOut]]:
    """Show who did what in every workspace. For operators only."""
    sought = _sought(tenant, actor, action, subject, since, until, after)
    return await _answered(request, call, asked, sought)


@post(AUDIT + "/export", status_code=200, media_type=NDJSON)
async def export_audit_trail(data: JSONBody[AuditExport], call: NamedDependency[Call]) -> ASGIResponse:
    """Export the audit trail as JSON lines or CSV.

    Everything that is sought up to the moment, the oldest first. That it was exported is a fact of its own.
    """
    head = await call.parts.log.head()
    sought = _sought(call.tenant, data.actor, data.action, data.subject, data.since, data.until, data.after or 0)
    named = data.actor, data.action, data.subject, data.since, data.until, data.after
    filters = zip(("actor", "action", "subject", "since", "until", "after"), named, strict=True)
    command = ExportAuditTrail(
        export_id=ExportId(call.new("export")),
        format=data.format,
        until_position=head,
        sought={name: str(value) for name, value in filters if value is not None},
    )
    await call.perform(call.handler.handle(command, call.because(data.reason), request=call.request))
    return _file(data.format, call, sought, head)


@get("/tenants/{tenant_id:str}/deployments/{deployment_id:str}/why")
async def explain_deployment(deployment_id: FromPath[DeploymentId], call: NamedDependency[Call]) -> Answer[Why]:
    """Explain a deployment.

    The request that began it, and each fact that followed from that, up to the release that became active.
    """
    row = existing(await deployments.find(call.reader, call.tenant, deployment_id), "deployment")
    made = [stream("release", row.release_id)] if row.release_id else []
    place = stream("environment", row.environment_id)
    chain = await audit_trail.chain(call.reader, call.tenant, stream("deployment", row.id), made, place)
    return call.shown(row.version, words.audit.why(row, chain))


def _sought(
    tenant: TenantId | None,
    actor: str | None,
    action: str | None,
    subject: StreamName | None,
    since: datetime | None,
    until: datetime | None,
    after: int | None,
) -> Sought:
    return Sought(
        tenant_id=tenant,
        actor=actor or None,
        types=_types(action) if action else (),
        subject=subject or None,
        since=_aware("since", since),
        until=_aware("until", until),
        after=after,
        descending=after is None,
    )


def _types(action: str) -> tuple[str, ...]:
    """The types that are meant, ``*`` standing for anything. Raises ``Invalid`` where there are none."""
    found = tuple(tag for tag in FACTS if fnmatchcase(tag, action))
    if not found:
        raise invalid("action", f"there is no type '{action}'; types are such as {', '.join(sorted(FACTS)[:3])}")
    return found


def _aware(field: str, at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise invalid(field, "must have a time zone, as in 2026-11-22T10:00:00Z")
    return at


async def _answered(
    request: Request[Any, Any, Any], call: Call, asked: Asked, sought: Sought
) -> Answer[Listing[AuditOut]]:
    events = EVENTS in request.headers.get("accept", "")
    if events or wants_ndjson(request):
        begun = cursor(request, sought.after or 0).after
        found = auditing.following(call, request.app.state["watching"], _from(sought, begun), events=events)
        call.exchange.streaming = True
        kept = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Stream(found, media_type=EVENTS if events else NDJSON, headers=kept)  # type: ignore[return-value]  # as good
    return Answer(call.listed(await audit_trail.listing(call.reader, sought, asked.paging), asked, words.audit.audit))


def _from(sought: Sought, after: int) -> Sought:
    """Without a span of time, which has an end."""
    return replace(sought, since=None, until=None, after=after)


def _file(kind: ExportFormat, call: Call, sought: Sought, until_position: int) -> ASGIResponse:
    if kind is ExportFormat.CSV:
        pieces, media_type = auditing.comma_separated(call, sought, until_position), "text/csv; charset=utf-8"
    else:
        pieces, media_type = auditing.json_lines(call, sought, until_position), NDJSON
    name = f"audit-{call.tenant}-{until_position}.{kind}"
    return Sending(media_type, pieces, headers={"Content-Disposition": f'attachment; filename="{name}"'})


ROUTES = [list_audit_trail, list_all_audit_trails, export_audit_trail, explain_deployment]
