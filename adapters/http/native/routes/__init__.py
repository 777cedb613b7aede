"""The native API's routes."""

from litestar import Router
from litestar.di import Provide

from adapters.http import paging
from adapters.http.bodies import JsonBody
from adapters.http.dispatch import call_of, prepare
from adapters.http.identity import signed_in
from adapters.http.native.routes import (
    access_logs,
    accounts,
    audit,
    backups,
    databases,
    deployments,
    detection,
    domains,
    environments,
    freezes,
    invitations,
    notifications,
    operators,
    projections,
    projects,
    releases,
    repositories,
    retention,
    running,
    schedules,
    secrets,
    workspaces,
)

CHAPTERS = {
    "Accounts": accounts.ROUTES,
    "Workspaces": [*workspaces.ROUTES, *invitations.ROUTES, *operators.OF_WORKSPACES],
    "Repositories": repositories.ROUTES,
    "Projects": [*projects.ROUTES, *detection.ROUTES],
    "Environments": environments.ROUTES,
    "Runtime": [*running.ROUTES, *access_logs.ROUTES],
    "Deployments": deployments.ROUTES,
    "Releases": [*releases.ROUTES, *retention.ROUTES],
    "Schedules and freezes": [*schedules.ROUTES, *freezes.ROUTES],
    "Custom domains": domains.ROUTES,
    "Secrets": secrets.ROUTES,
    "Audit": audit.ROUTES,
    "Databases": [*databases.ROUTES, *backups.ROUTES],
    "Notifications": notifications.ROUTES,
    "Operators": [*projections.ROUTES, *operators.ROUTES],
}


def router() -> Router:
    """Document 002 as it is served."""
    entrance = Router(path="/", route_handlers=accounts.ENTRANCE, tags=["Accounts"], security=[{}])
    inside = Router(
        path="/",
        route_handlers=[Router(path="/", route_handlers=routes, tags=[title]) for title, routes in CHAPTERS.items()],
        guards=[signed_in],
        before_request=prepare,
        dependencies={
            "call": Provide(call_of, sync_to_thread=False),
            "asked": Provide(paging.asked, sync_to_thread=False),
        },
    )
    return Router(path="/", route_handlers=[entrance, inside], dto=JsonBody, return_dto=None)
