"""What a plane answers about one project, as the stand-in says it."""

from typing import Any

TENANT = "/tenants/01990000-0000-7000-8000-000000000001"
PROJECT = "01990000-0000-7000-8000-0000000000aa"
ENVIRONMENT = "01990000-0000-7000-8000-0000000000ee"
DEPLOYMENT = "01990000-0000-7000-8000-0000000000dd"
AT = "2026-01-01T00:00:00Z"
TURNS = {"autoDeploy": True, "superseding": True, "protected": False, "approvalByAnother": False}


def me() -> dict[str, Any]:
    membership = {"tenantId": TENANT.removeprefix("/tenants/"), "name": "Insider's", "role": "owner"}
    return {
        "id": "a",
        "email": "insider@example.com",
        "scope": "admin",
        "authenticatedBy": "token",
        "memberships": [membership],
    }


def project() -> dict[str, Any]:
    names = {"id": PROJECT, "name": "Shop", "slug": "shop", "description": "", "type": "static", "status": "active"}
    place = {"repositoryConnectionId": "c", "rootDirectory": "", "productionBranch": "main", "runsServer": False}
    return names | place | {"createdAt": AT, "updatedAt": AT}


def detail() -> dict[str, Any]:
    production = {"id": ENVIRONMENT, "name": "production", "branch": "main", "label": "shop"}
    commands = dict.fromkeys(("install", "build", "output"))
    build = commands | {"installCommand": None, "buildCommand": None, "outputDirectory": None, "rootDirectory": ""}
    build |= {"nodeVersion": None, "packageManager": None, "submodules": False}
    runtime = {"runtimeType": "static", "startCommand": None, "port": None, "healthCheckPath": "/", "instances": 1}
    runtime |= {"healthTimeoutSeconds": 60, "limits": {"memoryMb": 512, "cpus": 1.0}, "spaFallback": False}
    return {
        "environments": [
            production | {"url": "http://shop.localhost", "activeReleaseId": None, "createdAt": AT} | TURNS
        ],
        "buildConfig": build,
        "runtimeConfig": runtime,
    }


def deployment(status: str, **more: Any) -> dict[str, Any]:
    told = {"id": DEPLOYMENT, "ref": "DEP-0042", "number": 42, "status": status, "step": None, "error": None}
    told |= {"exitCode": None, "projectId": PROJECT, "environmentId": ENVIRONMENT, "url": "http://shop.localhost"}
    told |= {"branch": "main", "commit": "c0ffee" * 7, "commitMessage": "Begin", "author": "Insider", "note": None}
    told |= {"releaseId": None, "retryOf": None, "triggeredBy": "insider@example.com", "createdAt": AT}
    told |= {"promotedFrom": None, "supersededBy": None, "supersedes": []}
    return told | {"startedAt": AT, "finishedAt": None, "updatedAt": AT} | more


def events(*steps: tuple[str, int]) -> dict[str, Any]:
    shown = [
        {"step": step, "status": "succeeded", "startedAt": AT, "finishedAt": AT, "durationMs": took, "exitCode": 0}
        for step, took in steps
    ]
    return {"release": None, "events": [], "steps": shown}
