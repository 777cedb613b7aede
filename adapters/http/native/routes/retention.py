"""How long things are kept, and releases that are kept for good."""

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from adapters.http.dispatch import Answer, Call, existing
from adapters.http.identity import NEEDS
from adapters.http.native import words
from adapters.http.native.routes.workspaces import WORKSPACE
from adapters.http.native.wire.deployments import ReleaseOut
from adapters.http.native.wire.releases import Pinning
from adapters.http.native.wire.retention import RetentionIn, RetentionOut
from adapters.http.native.words import retention as kept
from commands import pinning
from commands.retention import SetRetention
from domain.access import Access
from domain.identifiers import ReleaseId
from domain.retention import RetentionPolicy
from projections import releases, retention

RETENTION = WORKSPACE + "/retention"
PIN = WORKSPACE + "/releases/{release_id:str}/pin"


@get(RETENTION)
async def show_retention(call: NamedDependency[Call]) -> Answer[RetentionOut]:
    """Show how long a workspace's things are kept."""
    return await _shown(call)


@put(RETENTION, opt={NEEDS: Access.ADMIN})
async def set_retention(data: JSONBody[RetentionIn], call: NamedDependency[Call]) -> Answer[RetentionOut]:
    """Set how many releases stay in each environment.

    Of the others those expire that are older than an hour, not in use, not the one that was replaced last, and not
    pinned: they stay in the history, but cannot be rolled back to, and their files are removed an hour later.
    """
    command = SetRetention(tenant_id=call.tenant, policy=RetentionPolicy(releases=data.releases_per_environment))
    await call.perform(call.handler.handle(command, call.because(data.reason), request=call.request))
    return await _shown(call)


@post(PIN, opt={NEEDS: Access.DEPLOY}, status_code=200)
async def pin_release(
    release_id: FromPath[ReleaseId], data: JSONBody[Pinning], call: NamedDependency[Call]
) -> Answer[ReleaseOut]:
    """Pin a release, so that it does not expire however many follow it.

    At most 100 of an environment. 409 (`release_expired`) where it has expired already.
    """
    context = call.because(data.reason)
    await call.perform(
        pinning.pin(call.handler, context, release_id, reason=data.reason, request=call.request),
    )
    row = existing(await releases.find(call.reader, call.tenant, release_id), "release")
    return call.shown(1, words.releases.release(row))


@delete(PIN, opt={NEEDS: Access.DEPLOY})
async def unpin_release(release_id: FromPath[ReleaseId], call: NamedDependency[Call]) -> None:
    """Unpin a release, so that it may expire as any other."""
    await call.perform(pinning.unpin(call.handler, call.context, release_id, call.request))


async def _shown(call: Call) -> Answer[RetentionOut]:
    row = await retention.find(call.reader, call.tenant)
    policy = row.policy if row else RetentionPolicy()
    return call.shown(1, kept.retention(policy, call.parts.settings))


ROUTES = [show_retention, set_retention, pin_release, unpin_release]
